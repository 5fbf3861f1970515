"""Look at a report in a real browser, as wide as a desk and as a phone: ``python tests/browser.py report.html``.

The browser is told through its DevTools pipe to measure what a reader sees: what sticks out of the page, text over text
in the pictures, what the console says, what is fetched. Each fault is a line, and the exit code is then 1.
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTHS = (1200, 390)
SECONDS = 60

# A box that scrolls by itself may hold what is wider than the page. The boxes of texts are higher than their letters.
MEASURE = r"""
(() => {
  document.querySelectorAll("details").forEach(box => { box.open = true; });
  const width = document.documentElement.clientWidth, found = [];
  const named = one => `${one.tagName} ${JSON.stringify((one.textContent || "").trim().slice(0, 40))}`;
  const scrolls = one => one !== document.body && one.parentElement
    && (getComputedStyle(one.parentElement).overflowX === "auto" || scrolls(one.parentElement));
  if (document.documentElement.scrollWidth > width)
    found.push(`the page scrolls sideways: it is ${document.documentElement.scrollWidth} pixels wide`);
  for (const one of document.body.querySelectorAll("*")) {
    const box = one.getBoundingClientRect();
    if (box.width && (box.right > width + 1 || box.left < -1) && !one.ownerSVGElement && !scrolls(one))
      found.push(`${named(one)} reaches from ${Math.round(box.left)} to ${Math.round(box.right)}`);
  }
  const pictures = document.querySelectorAll("figure svg");
  if (!pictures.length) found.push("there is no picture");
  for (const picture of pictures) {
    const frame = picture.getBoundingClientRect();
    const where = picture.closest("section").querySelector("h2").textContent;
    const texts = [...picture.querySelectorAll("text")].map(one => [one, one.getBoundingClientRect()]);
    texts.forEach(([one, box], place) => {
      const aside = box.left < frame.left - 1 || box.right > frame.right + 1;
      if (aside || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        found.push(`${where}: ${named(one)} is cut off`);
      for (const [other, next] of texts.slice(place + 1)) {
        const across = Math.min(box.right, next.right) - Math.max(box.left, next.left);
        const down = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
        if (across > 1 && down > 0.35 * Math.min(box.height, next.height))
          found.push(`${where}: ${named(one)} lies over ${named(other)}`);
      }
    });
  }
  return found;
})()
"""


class Browser:
    """A page of a browser, told what to do and listened to through two pipes."""

    def __init__(self, told: int, heard: int) -> None:
        self.told, self.heard, self.last, self.rest = told, heard, 0, b""
        self.session: dict[str, str] = {}
        self.events: list[dict] = []

    def ask(self, method: str, **parameters: object) -> dict:
        self.last += 1
        asked = {"id": self.last, "method": method, "params": parameters, **self.session}
        os.write(self.told, json.dumps(asked).encode() + b"\0")
        while (answer := self._next()).get("id") != self.last:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def wait_for(self, event: str) -> None:
        while event not in (one.get("method") for one in self.events):
            self.events.append(self._next())

    def _next(self) -> dict:
        until = time.monotonic() + SECONDS
        while b"\0" not in self.rest:
            if not select.select([self.heard], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError(f"the browser said nothing for {SECONDS} s")
            if not (more := os.read(self.heard, 1 << 20)):
                raise RuntimeError("the browser went away")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """A browser with an empty profile, ended at the end; it hears on its descriptor 3 and answers on 4."""
    (to_read, told), (heard, to_write) = os.pipe(), os.pipe()
    high = [fcntl.fcntl(pipe, fcntl.F_DUPFD_CLOEXEC, 10) for pipe in (to_read, to_write)]
    os.close(to_read)
    os.close(to_write)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        command = [program, *options, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        process = subprocess.Popen(
            command, pass_fds=(3, 4), stderr=subprocess.DEVNULL,
            preexec_fn=lambda: (os.dup2(high[0], 3), os.dup2(high[1], 4)),
        )  # fmt: skip
        for pipe in high:
            os.close(pipe)
        try:
            yield Browser(told, heard)
        finally:
            os.close(told)  # a browser whose pipe is closed ends, with all its processes
            os.close(heard)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def faults(page: Browser, address: str, width: int) -> list[str]:
    """What is wrong with a page of this width."""
    page.events.clear()
    target = page.ask("Target.createTarget", url="about:blank")["targetId"]
    session = page.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    page.session = {"sessionId": session}
    for domain in ("Page", "Network", "Log", "Runtime"):
        page.ask(f"{domain}.enable")
    page.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    page.ask("Page.navigate", url=address)
    page.wait_for("Page.loadEventFired")
    found = page.ask("Runtime.evaluate", expression=MEASURE, returnByValue=True)["result"]["value"]
    for event in page.events:
        told = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent" if not told["request"]["url"].startswith((address, "data:")):
                found.append(f"fetches {told['request']['url'][:200]}")
            case "Log.entryAdded" if told["entry"]["level"] in {"error", "warning"}:
                found.append(f"the console says: {told['entry']['text']}")
            case "Runtime.exceptionThrown":
                found.append(f"the console says: {told['exceptionDetails']['text']}")
            case "Runtime.consoleAPICalled":
                found.append(f"a script of the page writes to the console ({told['type']})")
    page.session = {}
    return [f"at {width} pixels, {fault}" for fault in found]


def main(report: Path) -> None:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        sys.exit(f"There is no browser here to look with: install one of {', '.join(NAMES)}.")
    if not report.is_file():
        sys.exit(f"There is no {report}: make figures makes it.")
    with browser(program) as page:
        address = report.resolve().as_uri()
        found = [fault for width in WIDTHS for fault in faults(page, address, width)]
    if found:
        sys.exit("\n".join(found))
    print(f"{report}: nothing sticks out, overlaps, fails or is fetched, at {' and '.join(map(str, WIDTHS))} pixels.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
