/**
 * Steps on one link that can be undone.
 * @module
 */
import { EADDRNOTAVAIL, EAFNOSUPPORT, EEXIST, osError } from "../../base/errno.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import type { NetNamespace } from "../../linux/namespace.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { PlannedAddress } from "../ifconfig/address_plan.ts";
import { planAddresses, sameAddress } from "../ifconfig/address_plan.ts";
import type { AddressChange } from "./words/draft.ts";
import type { AddressRequest, InterfaceAddress } from "../../netlink/address.ts";
import type { Link } from "../../netlink/link.ts";
import { IFF_UP } from "../../netlink/flags.ts";

/** IPv6's least MTU (RFC 8200 section 5). */
const IPV6_MTU_MIN = 1280;

/**
 * Edits a link by its name, in the namespace it is in. Unless `keep` was called, everything is
 * taken back, newest first, when it is disposed of.
 */
export class LinkEditor {
  #undo: (() => void | Promise<void>)[] = [];
  readonly #sockets: RouteSocket[] = [];
  #routes: RouteSocket;
  #index: number;

  /**
   * @param namespace stays open as long as the editor
   * @throws OsError ENODEV when the link is not there
   */
  constructor(readonly name: string, readonly namespace: NetNamespace) {
    this.#routes = this.#open(namespace);
    this.#index = this.#routes.requireLink(name).index;
  }

  /** Everything succeeded: nothing is taken back. */
  keep(): void {
    this.#undo = [];
  }

  /** Notes how to take back something that was done elsewhere. */
  onUndo(step: () => void): void {
    this.#undo.push(step);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const step of this.#undo.reverse()) {
      try {
        await step();
      } catch {
        // What led here is the error to report; the other steps are still worth taking back.
      }
    }
    for (const socket of this.#sockets) socket.close();
  }

  #open(namespace: NetNamespace): RouteSocket {
    const socket = RouteSocket.open(namespace);
    this.#sockets.push(socket);
    return socket;
  }

  /** Keeps the kernel from giving the link an IPv6 address of its own. */
  withoutLinkLocal(): void {
    try {
      this.#routes.setLink(this.#index, { linkLocal: false });
    } catch (error) {
      if (!(error instanceof OsError && error.errno === EAFNOSUPPORT)) throw error;
    }
  }

  /** Moves the link; it is up afterwards if it was before, without addresses, as on OpenBSD. */
  move(to: NetNamespace): void {
    const up = (this.#link().flags & IFF_UP) !== 0;
    const addresses = this.#addresses();
    const old = this.#routes;
    const target = this.#open(to);
    if (target.link(this.name) !== undefined) {
      throw osError("rdomain", this.name, EEXIST, "the name is taken there");
    }
    old.setLink(this.#index, { namespaceFd: to.fd });
    this.#arrive(target);
    this.#undo.push(() => {
      target.setLink(target.requireLink(this.name).index, { namespaceFd: this.namespace.fd });
      this.#arrive(old);
      for (const address of addresses) old.replaceAddress(requestOf(address, this.#index));
      old.setLink(this.#index, { up });
    });
    if (up) target.setLink(this.#index, { up: true });
  }

  /** The number may be another one in the new namespace, and the kernel forgets the setting. */
  #arrive(routes: RouteSocket): void {
    this.#routes = routes;
    this.#index = routes.requireLink(this.name).index;
    this.withoutLinkLocal();
  }

  /** As it is now. */
  get mtu(): number {
    return this.#link().mtu;
  }

  /**
   * @param through somebody who takes the link up or down instead, and returns false when that
   * cannot be had
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
   * @throws ConfigError when it is too small for the IPv6 addresses that are there: the kernel
   * would drop them
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
   * A link that grows large enough for IPv6 is a new one to it: the kernel has forgotten that it is
   * to give no address of its own.
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

  /** @throws OsError EADDRNOTAVAIL for one to delete that is not there */
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
    // With the first address of an IPv4 network the kernel deletes the others of it.
    const now = this.#addresses().map(plannedOf);
    for (const address of plan.result) {
      if (!now.some((other) => sameAddress(other, address))) {
        this.#routes.addAddress(whole(address));
      }
    }
  }

  /** Gives the routes of the addresses that are there another metric. */
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
      // It went with the first address of its network.
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

/** What makes the kernel give the same address again. */
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
