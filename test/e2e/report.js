// Opens a report in headless Chromium, light and dark, wide and as narrow as a phone: no message on the
// console, no request but for the file itself, nothing wider than the screen, no accessibility
// violation that axe finds; and the file is valid HTML. Usage: check.js REPORT.html OUT-PREFIX
const fs = require('fs');
const path = require('path');
const puppeteer = require('puppeteer-core');
const { HtmlValidate } = require('html-validate');

const [file, prefix] = process.argv.slice(2);
const problems = [];

async function look(browser, scheme, width) {
    const what = `${scheme}, ${width} px`;
    const page = await browser.newPage();
    page.on('console', (m) => problems.push(`${what}: console: ${m.text()}`));
    page.on('pageerror', (e) => problems.push(`${what}: error: ${e.message}`));
    page.on('request', (r) => {
        if (!/^(file|data):/.test(r.url())) problems.push(`${what}: request: ${r.url()}`);
    });
    await page.setViewport({ width, height: 900, deviceScaleFactor: width < 600 ? 2 : 1 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.goto('file://' + path.resolve(file));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) problems.push(`${what}: ${wide} px wider than the screen`);
    if (prefix) await page.screenshot({ path: `${prefix}-${scheme}-${width}.png`, fullPage: true });
    // Closed details are looked at too.
    await page.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = true; }));
    await page.evaluate(fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
    const result = await page.evaluate(() => window.axe.run());
    for (const v of result.violations)
        problems.push(`${what}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(' | ')}`);
    await page.close();
}

async function main() {
    const valid = await new HtmlValidate({ extends: ['html-validate:recommended'] }).validateFile(file);
    for (const r of valid.results)
        for (const m of r.messages) problems.push(`html: ${m.line}:${m.column}: ${m.ruleId}: ${m.message}`);
    const browser = await puppeteer.launch({
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
    });
    for (const scheme of ['light', 'dark'])
        for (const width of [1200, 390]) await look(browser, scheme, width);
    await browser.close();
    for (const p of problems.slice(0, 40)) console.log(p);
    console.log(`${file}: ${problems.length} problems`);
    process.exit(problems.length ? 1 : 0);
}
main().catch((e) => { console.error(e); process.exit(2); });
