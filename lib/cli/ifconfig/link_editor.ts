/**
 * Changes of a link that can be undone.
 * @module
 */
import { IPV6_MTU_MIN } from "../../base/constants.ts";
import { EADDRNOTAVAIL, EAFNOSUPPORT, EEXIST, osError } from "../../base/errno.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import { setLinkUp } from "../../daemon/client.ts";
import { lendLinkSocket } from "../../daemon/lend_sockets.ts";
import { keepAddresses } from "../../linux/link_addressing.ts";
import { settleLink } from "../../linux/link_settings.ts";
import type { NetNamespace } from "../../linux/namespace.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { PlannedAddress } from "../ifconfig/address_plan.ts";
import { planAddresses, sameAddress } from "../ifconfig/address_plan.ts";
import type { AddressChange } from "./words/draft.ts";
import type { AddressRequest, InterfaceAddress } from "../../netlink/address.ts";
import type { Link } from "../../netlink/link.ts";
import { IFF_UP } from "../../netlink/flags.ts";

/**
 * Changes a link in its namespace. Disposing of the editor undoes all steps, the newest first,
 * unless `keep` was called.
 */
export class LinkEditor {
  #undo: (() => void | Promise<void>)[] = [];
  readonly #sockets: RouteSocket[] = [];
  readonly #moved: NetNamespace[] = [];
  #routes: RouteSocket;
  /** The namespace that the link is in now; it may have been moved. */
  #place: NetNamespace;
  #index: number;

  /**
   * @param namespace the namespace of the link; it must stay open as long as the editor
   * @throws OsError ENODEV if the link does not exist
   */
  constructor(readonly name: string, readonly namespace: NetNamespace) {
    this.#place = namespace;
    this.#routes = this.#open(namespace);
    this.#index = this.#routes.requireLink(name).index;
  }

  /** Keeps all changes. Call when everything has succeeded. */
  keep(): void {
    this.#undo = [];
  }

  /** Adds a step that undoes something that was done elsewhere. */
  onUndo(step: () => void): void {
    this.#undo.push(step);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const step of this.#undo.reverse()) {
      try {
        await step();
      } catch {
        // The error that led here is the one to report. The remaining steps are still undone.
      }
    }
    for (const opened of [...this.#sockets, ...this.#moved]) opened.close();
  }

  #open(namespace: NetNamespace): RouteSocket {
    const socket = RouteSocket.open(namespace);
    this.#sockets.push(socket);
    return socket;
  }

  /** Keeps the kernel from assigning an IPv6 link-local address to the link. */
  withoutLinkLocal(): void {
    try {
      this.#routes.setLink(this.#index, { linkLocal: false });
    } catch (error) {
      if (!(error instanceof OsError && error.errno === EAFNOSUPPORT)) throw error;
    }
  }

  /**
   * Moves the link to another namespace. The link loses its addresses, and stays up if it was up,
   * as on OpenBSD.
   */
  move(to: NetNamespace): void {
    const up = (this.#link().flags & IFF_UP) !== 0;
    const addresses = this.#addresses();
    const old = this.#routes;
    const target = this.#open(to);
    if (target.link(this.name) !== undefined) {
      throw osError("rdomain", this.name, EEXIST, "the name is taken there");
    }
    old.setLink(this.#index, { namespaceFd: to.fd });
    this.#arrive(target, to);
    this.#undo.push(() => {
      target.setLink(target.requireLink(this.name).index, { namespaceFd: this.namespace.fd });
      this.#arrive(old, this.namespace);
      for (const address of addresses) old.replaceAddress(requestOf(address, this.#index));
      old.setLink(this.#index, { up });
    });
    if (up) target.setLink(this.#index, { up: true });
  }

  /**
   * Updates the index, which may differ in the new namespace, and the setting that the kernel has
   * forgotten.
   */
  #arrive(routes: RouteSocket, place: NetNamespace): void {
    this.#routes = routes;
    // The caller closes the namespace before the editor is done.
    if (place !== this.namespace) this.#moved.push(place = place.copy());
    this.#place = place;
    this.#index = routes.requireLink(this.name).index;
    this.withoutLinkLocal();
    this.settle();
  }

  /**
   * Applies the settings of a WireGuard link. The process of the interface does it only in its own
   * namespace, which need not be that of this process.
   */
  settle(): void {
    this.#place.run(() => settleLink(this.#routes, this.#link()));
  }

  /**
   * Has the process of the interface take the link up or down. It gets a socket in the namespace of
   * the link, because it may be in another one.
   * @param name the name of the control socket
   * @returns false if the process does not know how
   */
  async setUpThrough(name: string, up: boolean): Promise<boolean> {
    const write = (value: string) => this.#place.run(() => keepAddresses(this.name, value));
    const was = write("1");
    try {
      return await setLinkUp(name, up, lendLinkSocket(name, this.#place));
    } finally {
      if (was !== undefined) write(was);
    }
  }

  /** The current MTU in bytes. */
  get mtu(): number {
    return this.#link().mtu;
  }

  /**
   * Takes the link up or down.
   * @param through takes the link up or down through its daemon; false if that is not possible
   */
  async setUp(up: boolean, through: (up: boolean) => Promise<boolean>): Promise<void> {
    const was = (this.#link().flags & IFF_UP) !== 0;
    if (was === up) return;
    const set = async (wanted: boolean) => {
      if (!await through(wanted)) this.#routes.setLink(this.#index, { up: wanted });
    };
    this.#undo.push(() => set(was));
    await set(up);
  }

  /**
   * Sets the MTU.
   * @throws ConfigError if it is too small for the link's IPv6 addresses, which the kernel would
   * remove
   */
  setMtu(mtu: number): void {
    const was = this.#link().mtu;
    if (was === mtu) return;
    if (mtu < IPV6_MTU_MIN && this.#addresses().some(({ address }) => address.length === 16)) {
      throw new ConfigError(
        "mtu",
        `${mtu} is too small; the interface's IPv6 addresses require at least ${IPV6_MTU_MIN} ` +
          "(-inet6 removes them)",
      );
    }
    this.#undo.push(() => this.#setMtu(was));
    this.#setMtu(mtu);
  }

  /**
   * Sets the MTU. IPv6 begins anew on a link that becomes large enough for it. The kernel has
   * forgotten then that it must not assign a link-local address.
   */
  #setMtu(mtu: number): void {
    const grows = mtu >= IPV6_MTU_MIN && this.#link().mtu < IPV6_MTU_MIN;
    this.#routes.setLink(this.#index, { mtu });
    if (!grows) return;
    this.withoutLinkLocal();
    for (const address of this.#addresses()) {
      if (address.address.length === 16) this.#delete(plannedOf(address));
    }
  }

  setDescription(text: string): void {
    const was = this.#link().alias;
    if (was === text) return;
    this.#undo.push(() => this.#routes.setLink(this.#index, { alias: was }));
    this.#routes.setLink(this.#index, { alias: text });
  }

  /**
   * Changes the addresses.
   * @throws OsError EADDRNOTAVAIL for an address to delete that does not exist
   */
  changeAddresses(changes: readonly AddressChange[], metric: number): void {
    const before = this.#addresses();
    const plan = planAddresses(before.map(plannedOf), changes);
    if (plan.remove.length + plan.add.length === 0) return;
    this.#undo.push(() => this.#restore(before));
    for (const address of plan.remove) this.#delete(address);
    const whole = (address: PlannedAddress): AddressRequest => ({
      ...(before.find((old) => sameAddress(plannedOf(old), address)) ?? {}),
      address: address.address,
      prefix: address.prefix,
      broadcast: address.broadcast,
      peer: address.destination,
      interfaceIndex: this.#index,
      ...(metric > 0 && { metric }),
      flags: undefined,
      label: undefined,
    });
    for (const address of plan.add) this.#routes.addAddress(whole(address));
    // With the first address of an IPv4 network the kernel deletes the other addresses of that
    // network.
    const now = this.#addresses().map(plannedOf);
    for (const address of plan.result) {
      if (!now.some((other) => sameAddress(other, address))) {
        this.#routes.addAddress(whole(address));
      }
    }
  }

  /** Changes the metric of the routes that the link's addresses add. */
  setMetric(metric: number): void {
    const before = this.#addresses();
    if (before.every((address) => address.metric === metric)) return;
    this.#undo.push(() =>
      before.forEach((address) => this.#routes.replaceAddress(requestOf(address, this.#index)))
    );
    for (const address of before) {
      this.#routes.replaceAddress({ ...requestOf(address, this.#index), metric });
    }
  }

  #restore(before: readonly InterfaceAddress[]): void {
    const kept = (address: InterfaceAddress) =>
      before.some((old) => sameAddress(plannedOf(old), plannedOf(address)));
    for (const address of this.#addresses()) if (!kept(address)) this.#delete(plannedOf(address));
    for (const address of before) this.#routes.replaceAddress(requestOf(address, this.#index));
  }

  #delete(address: PlannedAddress): void {
    try {
      this.#routes.deleteAddress({
        address: address.address,
        prefix: address.prefix,
        peer: address.destination,
        interfaceIndex: this.#index,
      });
    } catch (error) {
      // The kernel has deleted it with the first address of its network.
      if (!(error instanceof OsError && error.errno === EADDRNOTAVAIL)) throw error;
    }
  }

  #link(): Link {
    return this.#routes.requireLink(this.#index);
  }

  #addresses(): InterfaceAddress[] {
    return this.#routes.addresses({ interfaceIndex: this.#index });
  }
}

function plannedOf(address: InterfaceAddress): PlannedAddress {
  return {
    address: address.address,
    prefix: address.prefix,
    broadcast: address.broadcast,
    destination: address.peer,
  };
}

/** The request that adds the same address again. */
function requestOf(address: InterfaceAddress, interfaceIndex: number): AddressRequest {
  return {
    address: address.address,
    prefix: address.prefix,
    peer: address.peer,
    broadcast: address.broadcast,
    scope: address.scope,
    interfaceIndex,
    ...(address.metric > 0 && { metric: address.metric }),
  };
}
