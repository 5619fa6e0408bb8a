/**
 * What wg(8) of Debian 12 (wireguard-tools 1.0.20210914) writes to the socket, taken down from a
 * socket that only listened. The keys are those of the wg(8) and wg-quick(8) manuals, of no use to
 * anybody.
 * @module
 */

/**
 * `wg set wgcap listen-port 51820 private-key FILE fwmark 0x1234 peer P1 preshared-key FILE
 * endpoint 192.0.2.7:51820 persistent-keepalive 25 allowed-ips 10.0.0.0/8,fd00::/64`
 */
export const WG_SET = `set=1
private_key=c809f3e5317e9575c9b5ed78b638b7ce530dabe85ddab614220241801ddf0669
listen_port=51820
fwmark=4660
public_key=c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038
preshared_key=c809f3e5317e9575c9b5ed78b638b7ce530dabe85ddab614220241801ddf0669
endpoint=192.0.2.7:51820
persistent_keepalive_interval=25
replace_allowed_ips=true
allowed_ip=10.0.0.0/8
allowed_ip=fd00::/64

`;

/** `wg set wgcap peer P1 remove peer P2 endpoint [2001:db8::1]:999 allowed-ips ""` */
export const WG_REMOVE = `set=1
public_key=c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038
remove=true
public_key=4eb32f4a83f88d842563a448cc181bb2c42a637bf12363e2fb2ef594e5965d7d
endpoint=[2001:db8::1]:999
replace_allowed_ips=true

`;

/** `wg set wgcap peer P1 preshared-key /dev/null persistent-keepalive off` */
export const WG_CLEAR_PEER = `set=1
public_key=c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038
preshared_key=0000000000000000000000000000000000000000000000000000000000000000
persistent_keepalive_interval=0

`;

/** `wg set wgcap private-key /dev/null fwmark off` */
export const WG_CLEAR_INTERFACE = `set=1
private_key=0000000000000000000000000000000000000000000000000000000000000000
fwmark=0

`;

/**
 * `wg setconf wgcap FILE`, two peers: the first with an endpoint on a link, the second with a
 * preshared key and no ranges
 */
export const WG_SETCONF = `set=1
private_key=c809f3e5317e9575c9b5ed78b638b7ce530dabe85ddab614220241801ddf0669
listen_port=7
fwmark=0
replace_peers=true
public_key=c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038
endpoint=[fe80::1%lo]:51820
replace_allowed_ips=true
allowed_ip=0.0.0.0/0
allowed_ip=::/0
public_key=4eb32f4a83f88d842563a448cc181bb2c42a637bf12363e2fb2ef594e5965d7d
preshared_key=c809f3e5317e9575c9b5ed78b638b7ce530dabe85ddab614220241801ddf0669
replace_allowed_ips=true

`;

/** `wg show wgcap` */
export const WG_SHOW = "get=1\n\n";
