import assert from 'node:assert/strict';
import type { Described } from '../../../src/pipeline/catalog.js';
import { locateProblem, propertyOf, readComplaint } from '../../../src/pipeline/complaint.js';

const COMPLAINT =
  '(process:1234): GLib-GObject-WARNING **: 10:00:00.123: value "999" of type ' +
  "'guint' is invalid or out of range for property 'ref' of type 'guint'";

const described = (file: string): Described => ({ name: 'x', file, title: 'x', requires: [], source: 'a' });
const TEXTS: Readonly<Record<string, string>> = {
  '/a.toml': "# ref=1 would be wrong\nencode = '''\nx264enc vbv-ref=2\nref=999\n'''\n",
  '/b.toml': "source = '''\nother\n'''\n",
};

describe('complaints of GLib', () => {
  it('are told from other lines of standard error', () => {
    assert.match(readComplaint(COMPLAINT) ?? '', /^value "999" of type/);
    assert.equal(readComplaint('x264 [info]: profile High'), undefined);
  });

  it('name the property that they are about', () => {
    assert.equal(propertyOf(COMPLAINT), 'ref');
    assert.equal(propertyOf('no property "bframs" in element "encoder"'), 'bframs');
    assert.equal(propertyOf('could not set property "tune" in element "encoder" to "quick"'), 'tune');
    assert.equal(propertyOf('no element "foo"'), undefined);
  });

  it('are traced to the line that sets the property, not to a comment or a longer name', () => {
    const suspects = ['/b.toml', '/a.toml'].map(described);
    assert.equal(
      locateProblem(COMPLAINT, suspects, (file) => TEXTS[file] ?? ''),
      '/a.toml:4',
    );
  });

  it('name every file that they may come from where no line can be told', () => {
    const suspects = ['/b.toml', '/a.toml'].map(described);
    const at = locateProblem('no element "foo"', suspects, () => '');
    assert.equal(at, '/b.toml or /a.toml');
  });
});
