"""The page of a station: which detectors judge, and a field to judge a scan from the browser."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gmanet.formats import READERS
from gmanet.station.choosing import Candidate
from gmanet.station.comparison import promise

__all__ = ["POLICY", "page"]

POLICY = (
    "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src 'self' data:; frame-src blob:"
)
"""Content security policy of the page and of reports, which load nothing from elsewhere."""

FRAME = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>gmanet station</title><style>
body { font: 16px sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em }
table, p { max-width: 50em }
td, th { text-align: left; padding: .2em 1em .2em 0; vertical-align: top }
pre { background: #eee; padding: 1em; overflow: auto }
#said { font-size: 1.4em; min-height: 2em }
iframe { width: 100%; height: 90vh; border: 1px solid #aaa }
</style></head><body>
<h1>gmanet station</h1>
<table><tr><th>detector</th><th>part</th><th>promise</th><th>identity</th></tr>
ROWS
</table>
<p><input type="file" id="scan" accept="ENDINGS">
<label>token <input type="password" id="token" autocomplete="off"></label></p>
<p id="said"></p><p><button id="more" hidden>Show the report</button></p>
<iframe id="report" title="report" hidden></iframe>
<details id="rest" hidden><summary>All that was found</summary><pre id="whole"></pre></details>
<h2>From a program</h2>
<pre>curl --data-binary @part.ply 'ADDRESS/judge?name=part.ply'</pre>
<p>The answer is JSON; <code>&amp;points=1</code> adds the score of every point.
<code>/report</code> in the place of <code>/judge</code> gives the report, an HTML page, and
<a href="health">/health</a> the state of the station.</p>
<script>
const part = (id) => document.getElementById(id);
const send = (address) => {
  const file = part("scan").files[0], token = part("token").value;
  return fetch(address + "?name=" + encodeURIComponent(file.name),
    { method: "POST", body: file, headers: token ? { Authorization: "Bearer " + token } : {} });
};
const hide = (...ids) => ids.forEach((id) => { part(id).hidden = true; });
part("scan").addEventListener("change", async () => {
  if (!part("scan").files[0]) return;
  part("said").textContent = "…"; hide("more", "report", "rest");
  try {
    const found = await (await send("judge")).json();
    part("said").textContent = found.error || found.verdict + ": " + found.reason;
    part("whole").textContent = JSON.stringify(found, null, 1);
    part("rest").hidden = false; part("more").hidden = Boolean(found.error);
  } catch (error) { part("said").textContent = "no answer: " + error.message; }
});
part("more").addEventListener("click", async () => {
  part("more").disabled = true;
  try {
    const reply = await send("report");
    if (!reply.ok) throw new Error((await reply.json()).error);
    part("report").src = URL.createObjectURL(await reply.blob());
    part("report").hidden = false; hide("more");
  } catch (error) { part("said").textContent = "no report: " + error.message; }
  part("more").disabled = false;
});
</script></body></html>
"""


def page(candidates: Sequence[Candidate], address: str) -> str:
    """Return the page as HTML.

    Args:
        candidates: The detectors.
        address: Address of the station, such as ``http://127.0.0.1:8000``.
    """
    rows = "\n".join(map(_row, candidates))
    whole = FRAME.replace("ENDINGS", ",".join(READERS)).replace("ADDRESS", escape(address))
    return whole.replace("ROWS", rows)


def _row(candidate: Candidate) -> str:
    """Return the line of a detector."""
    detector = candidate.detector
    cells = (candidate.name, detector.part, promise(detector), candidate.identity[:12])
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
