// Shows the last requests. Whatever a record says becomes a text node: there is no markup here to break out of.
"use strict";

const form = document.getElementById("open");
const message = document.getElementById("message");
const table = document.getElementById("requests");
const most = 20;

function cells(record) {
  const usage = record.usage || {};
  const input = ["input", "input_audio", "input_image", "input_video", "cache_read", "cache_write", "cache_write_1h",
    "cache_write_12h"].reduce((sum, part) => sum + (usage[part] || 0), 0);
  const known = record.cost !== undefined && record.cost !== null && !record.unpriced;
  const cost = known ? (record.estimated ? "~$" : "$") + (record.cost / 1e9).toFixed(6) : "no price";
  return [
    [new Date(record.at / 1000).toLocaleString()],
    [record.status + (record.error ? " " + record.error : "")],
    [record.model || "–"],
    [record.target || "–"],
    [record.key_name || record.key_id || "–"],
    [input + " + " + (usage.output || 0), "number"],
    [cost, "number"],
    [(record.latency / 1000).toFixed(0) + " ms", "number"],
    [record.id, "id"],
  ];
}

function row(record) {
  const line = document.createElement("tr");
  if (record.outcome !== "success") line.className = "bad";
  for (const [text, kind] of cells(record)) {
    const cell = document.createElement("td");
    if (kind) cell.className = kind;
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

async function show() {
  const authorization = "Bearer " + document.getElementById("token").value.trim();
  const answer = await fetch("/api/v1/requests?limit=" + most, { headers: { authorization } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  table.tBodies[0].replaceChildren(...body.requests.map(row));
  table.hidden = body.requests.length === 0;
  message.textContent = body.requests.length === 0 ? "No request has ended yet: make the first call above." : "";
}

form.hidden = false;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show().catch((problem) => {
    table.hidden = true;
    message.textContent = problem.message;
  });
});
