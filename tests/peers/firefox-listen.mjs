// Opens a page in Firefox ESR and presses its button: `node firefox-listen.mjs URL`. The page does the rest.
import { open } from "./firefox.mjs";

const page = await open();
await page.goto(process.argv[2]);
await page.click("button");
