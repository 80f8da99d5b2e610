// One container's life through the strict client: node life.mjs BASE_URL USER!TOKEN SECRET TEMPLATE
import proxmoxApi from "proxmox-api";

const [base, tokenID, tokenSecret, template] = process.argv.slice(2);
const url = new URL(base);
const api = proxmoxApi({ host: url.hostname, port: Number(url.port), schema: "http", tokenID, tokenSecret });
const node = api.nodes.$("pve1");
const vmid = 5500;

async function end(upid) {
  for (;;) {
    const status = await node.tasks.$(upid).status.$get();
    if (status.status === "stopped") return status.exitstatus;
  }
}

const seen = {};
seen.clone = await end(await node.lxc.$(Number(template)).clone.$post({ newid: vmid, hostname: "strict" }));
const guest = node.lxc.$(vmid);
await guest.config.$put({ memory: 256 });
seen.start = await end(await guest.status.start.$post());
seen.status = (await guest.status.current.$get()).status;
seen.stop = await end(await guest.status.stop.$post());
seen.delete = await end(await guest.$delete());
console.log(JSON.stringify(seen));
