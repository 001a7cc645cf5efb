// Starts the directory of identities in memory, listening on loopback instead of every address.
import net from "node:net";
import plc from "@did-plc/server";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, done) {
  return listen.call(this, { port, host: "127.0.0.1" }, done);
};
await plc.PlcServer.create({ db: plc.Database.mock(), port: Number(process.env.PORT) }).start();
