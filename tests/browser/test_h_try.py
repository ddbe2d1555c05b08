from tests.browser.test_offline import *
from tests.browser.conftest import chromium
import time
async def test_try(room):
    page = await room.console()
    page.on("console", lambda m: print("CONSOLE", m.text))
    page.on("pageerror", lambda m: print("ERR", m))
    print("kept", await page.evaluate("caches.keys()"))
    for k in await page.evaluate("caches.keys().then(async ks => { const o=[]; for (const k of ks) for (const r of await (await caches.open(k)).keys()) o.push(r.url); return o})"): print(k)
    await page.screenshot(path="/tmp/h/0.png")
    t=time.time()
    room.server.stop(); print("stopped", time.time()-t)
    await page.keyboard.press("k"); await asyncio.sleep(1)
    await page.screenshot(path="/tmp/h/1.png")
    await page.keyboard.press("k"); await asyncio.sleep(1)
    print(await page.evaluate("Object.entries(localStorage)"))
    await page.reload()
    await asyncio.sleep(2)
    print(await page.evaluate("Object.entries(localStorage)"))
    print(await page.evaluate("performance.getEntriesByType(\"resource\").map(e=>e.name+\" \"+e.responseStatus+\" \"+e.transferSize)")); print((await page.content())[:1500]); await page.screenshot(path="/tmp/h/2.png"); await page.locator("#taps summary").click(timeout=2000)
    await page.screenshot(path="/tmp/h/2.png")
    await page.set_viewport_size({"width":390,"height":844})
    await page.screenshot(path="/tmp/h/3.png")
    print(await page.evaluate("document.documentElement.outerHTML.slice(0,1500)"))
import asyncio
