// Opens a page in Firefox ESR and presses its button: `node firefox-listen.mjs URL`. The page does the rest.
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: process.env.FIREFOX || "/usr/bin/firefox-esr",
  headless: true,
  extraPrefsFirefox: {
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
  },
});
const stop = async () => {
  await browser.close();
  process.exit(0);
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
const page = await browser.newPage();
page.on("pageerror", (error) => console.error(`script error: ${error}`));
page.on("console", (message) => console.error(`console: ${message.text()}`));
await page.goto(process.argv[2]);
await page.click("button");
