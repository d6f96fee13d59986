// Uses examples/viewer in Chromium as a person would: JSON in, what the page says and shows of each frame out.

import { chromium } from "playwright-core";
import { text } from "node:stream/consumers";

const { executable, url, endpoint, datastore, imageSets } = JSON.parse(await text(process.stdin));
const browser = await chromium.launch({
  executablePath: executable,
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
// Its person has accepted the certificate.
const page = await browser.newPage({ ignoreHTTPSErrors: true });
const status = page.locator("#status");

// What the page says after `action`, and what its canvas shows.
async function after(action) {
  await status.evaluate((output) => (output.value = ""));
  await action();
  await page.waitForFunction(() => document.getElementById("status").value);
  const png = await page.locator("canvas").evaluate((canvas) => canvas.toDataURL());
  return { said: await status.textContent(), png };
}

async function frames(imageSet) {
  const shown = [await after(() => page.locator("#imageSet").selectOption(imageSet))];
  const last = Number(await page.locator("#frame").getAttribute("max"));
  for (let frame = 1; frame <= last; frame++)
    shown.push(await after(() => page.locator("#frame").fill(String(frame))));
  return shown;
}

await page.goto(url);
await page.locator("[name=endpoint]").fill(endpoint);
await page.locator("[name=datastore]").fill(datastore);
await after(() => page.locator("button").click());
const shown = {};
for (const imageSet of imageSets) shown[imageSet] = await frames(imageSet);
await browser.close();
console.log(JSON.stringify(shown));
