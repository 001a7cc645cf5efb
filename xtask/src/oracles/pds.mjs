// Starts Bluesky's server with the settings in its environment, listening on loopback instead of every address.
import net from "node:net";
import { PDS } from "@atproto/pds";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, done) {
  return listen.call(this, { port, host: "127.0.0.1" }, done);
};
await PDS.run();
