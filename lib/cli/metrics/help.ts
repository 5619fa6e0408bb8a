/**
 * The help of metrics.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `metrics`, for wg(8) and the help. */
export const METRICS_MANUAL: Manual = {
  name: "metrics",
  usage: ["[interface] [--prometheus]", "[interface] --listen address"],
  about: [
    "Prints the metrics of an interface, or of all, in the OpenMetrics format: counters, queues, " +
    "cryptography and offloads of interfaces, and bytes, handshakes, endpoints and counters of " +
    "peers. A peer has the labels interface, public_key and name, which is its description, or " +
    "its key if it has none. No secret key is in them.",
    "With --listen it stays and answers GET /metrics. Whoever may connect to the control sockets " +
    "can run it: root, and the user who made the interface. A process that does not answer is " +
    "wg_interface_answered 0.",
  ],
  lists: [{
    heading: "Options",
    rows: [
      [
        "--prometheus",
        "Print the older text format of Prometheus, which the textfile collector of node_exporter " +
        "reads. A listener uses the format that its client asks for.",
      ],
      [
        "--listen address",
        "Listen on 127.0.0.1:9586, [::1]:9586 or another address, on 9586 for 127.0.0.1, or on " +
        "unix:PATH, a Unix socket of mode 0660. At most 16 clients are connected at once. On " +
        "loopback the Host of a request must be an IP address or localhost.",
      ],
    ],
  }],
  notes: [
    "wg-metrics.service runs a listener on 127.0.0.1:9586. PREFIX/share/wg/grafana.json is a dashboard " +
    "for Grafana.",
  ],
  literals: [],
};
