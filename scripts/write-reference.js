/** Puts the tables that are made from the code into docs/. usage: npm run docs */
import { writeReferencePages } from '../dist/test/support/reference-pages.js';

writeReferencePages();
