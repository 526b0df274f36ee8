/** The tables of language features that want an image, with a real SBCL; test/language/tables.test.ts describes them. */
import { runTables } from '../support/tables/run.ts';

runTables('test/language/image');
