// Loaded into the server under test (NODE_OPTIONS=--import): its clock is off by the milliseconds that the file HOTLISP_TEST_CLOCK holds.
import fs from 'node:fs';

const file = process.env.HOTLISP_TEST_CLOCK;
if (file) {
  const { Date: RealDate } = globalThis;
  const now = () => {
    try {
      return RealDate.now() + Number(fs.readFileSync(file, 'utf8'));
    } catch {
      return RealDate.now();
    }
  };
  globalThis.Date = class Date extends RealDate {
    constructor(...args) {
      if (args.length === 0) super(now());
      else super(...args);
    }
    static now() {
      return now();
    }
  };
}
