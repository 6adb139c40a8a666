"""The page of a station: which detectors judge, and a field to judge a scan from the browser."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gmanet.formats import READERS
from gmanet.station.choosing import Candidate
from gmanet.station.comparison import promise

__all__ = ["POLICY", "page"]

POLICY = "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Content security policy of the page, which loads nothing from elsewhere."""

FRAME = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>gmanet station</title><style>
body { font: 16px sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em }
td, th { text-align: left; padding: .2em 1em .2em 0; vertical-align: top }
pre { background: #eee; padding: 1em; overflow: auto }
#said { font-size: 1.4em; min-height: 2em }
</style></head><body>
<h1>gmanet station</h1>
<table><tr><th>detector</th><th>part</th><th>promise</th><th>identity</th></tr>
ROWS
</table>
<p><input type="file" id="scan" accept="ENDINGS">
<label>token <input type="password" id="token" autocomplete="off"></label></p>
<p id="said"></p><pre id="whole" hidden></pre>
<h2>From a program</h2>
<pre>curl --data-binary @part.ply 'ADDRESS/judge?name=part.ply'</pre>
<p>The answer is JSON; <code>&amp;points=1</code> adds the score of every point, and
<a href="health">/health</a> the state of the station.</p>
<script>
const said = document.getElementById("said"), whole = document.getElementById("whole");
document.getElementById("scan").addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  said.textContent = "…"; whole.hidden = true;
  const token = document.getElementById("token").value;
  const headers = token ? { Authorization: "Bearer " + token } : {};
  try {
    const reply = await fetch("judge?name=" + encodeURIComponent(file.name),
      { method: "POST", body: file, headers });
    const found = await reply.json();
    said.textContent = found.error || found.verdict + ": " + found.reason;
    whole.textContent = JSON.stringify(found, null, 1); whole.hidden = false;
  } catch (error) { said.textContent = "no answer: " + error.message; }
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
