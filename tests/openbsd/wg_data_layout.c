/* Prints the layout of OpenBSD's struct wg_data_io (sys/net/if_wg.h) as a 64-bit compiler sees it. The types here have the sizes and the
 * alignments of OpenBSD's: in_addr and in6_addr are aligned to 4, sockaddr_in has 16 bytes and sockaddr_in6 28.
 * cc -o layout wg_data_layout.c && ./layout */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
struct in4 { uint32_t a; };
struct in6 { union { uint8_t b[16]; uint32_t w[4]; } u; };
struct sin { uint8_t len, family; uint16_t port; struct in4 addr; char zero[8]; };
struct sin6 { uint8_t len, family; uint16_t port; uint32_t flow; struct in6 addr; uint32_t scope; };
struct sa { uint8_t len, family; char data[14]; };
struct ts { int64_t sec; long nsec; };
struct aip { uint8_t af; int cidr; union { struct in4 a; struct in6 b; } addr; };
struct peer {
  int flags, version; uint8_t public[32], psk[32]; uint16_t pka;
  union { struct sa a; struct sin b; struct sin6 c; } endpoint;
  uint64_t tx, rx; struct ts handshake; char description[64]; size_t count; struct aip aips[];
};
struct interface { uint8_t flags; uint16_t port; int rtable; uint8_t public[32], private[32]; size_t count; struct peer *peers[]; };
struct data { char name[16]; size_t size; struct interface *interface; };
#define O(t, f) (int)offsetof(struct t, f)
int main(void) {
  printf("data %d\n", (int)sizeof(struct data));
  printf("interface %d: %d %d %d %d %d %d\n", (int)sizeof(struct interface), O(interface, flags), O(interface, port),
    O(interface, rtable), O(interface, public), O(interface, private), O(interface, count));
  printf("peer %d: %d %d %d %d %d %d %d %d %d %d\n", (int)sizeof(struct peer), O(peer, version), O(peer, public), O(peer, psk), O(peer, pka),
    O(peer, endpoint), O(peer, tx), O(peer, rx), O(peer, handshake), O(peer, description), O(peer, count));
  printf("aip %d: %d %d\n", (int)sizeof(struct aip), O(aip, cidr), O(aip, addr));
  return 0;
}
