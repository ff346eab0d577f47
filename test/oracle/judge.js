// Compares with Hugging Face's own tokenizers: `npm install tokenizers`, then
//   NODE_PATH=node_modules node judge.js TOKENIZER.json TEXTS
// where TEXTS is what check_tokenizers.py --write wrote: [text, ids] a line.
const fs = require("fs");
const { Tokenizer } = require("tokenizers");

async function main(path, texts) {
  const tokenizer = Tokenizer.fromFile(path);
  const cases = fs.readFileSync(texts, "utf8").split("\n").filter(Boolean).map(JSON.parse);
  let different = 0, tokens = 0;
  for (const [text, ids] of cases) {
    const expected = (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds();
    tokens += expected.length;
    if (String(expected) !== String(ids) && different++ < 3)
      console.log(JSON.stringify(text), "expected", String(expected), "got", String(ids));
  }
  console.log(`${require("path").basename(path)}: reference: ${cases.length} texts, ${tokens} tokens, ${different} different`);
  process.exit(different ? 1 : 0);
}

main(process.argv[2], process.argv[3]);
