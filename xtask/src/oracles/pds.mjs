// Bluesky's server, as its environment says. It would listen on every address of the machine.
import net from "node:net";
import { PDS } from "@atproto/pds";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, done) {
  return listen.call(this, { port, host: "127.0.0.1" }, done);
};
await PDS.run();
