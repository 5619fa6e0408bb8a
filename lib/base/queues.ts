/**
 * The queues of an interface: one ordered list of names. Status text and metrics are made from it.
 * @module
 */

type Row = readonly [name: string, text: string];

/** Name and help of each queue, in the order in which they are shown. */
export const QUEUES = [
  ["handshake_messages", "handshake messages that wait for the control plane"],
  ["staged_bytes", "bytes of packets that wait for a handshake"],
  ["udp_receive_bytes", "bytes of memory of received datagrams that wait in the UDP sockets"],
  ["udp_send_bytes", "bytes of memory of datagrams that the UDP sockets have not sent yet"],
] as const satisfies readonly Row[];

/** The name of a queue. */
export type QueueName = typeof QUEUES[number][0];

/** What waits in each queue. An absent one was not reported. */
export type Queues = Readonly<Partial<Record<QueueName, number>>>;

/** Whether there is a queue of this name. */
export const isQueueName = (name: string): name is QueueName =>
  QUEUES.some(([known]) => known === name);
