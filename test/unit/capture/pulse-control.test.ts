import assert from 'node:assert/strict';
import { parseConfiguredDefault, parseSinkNames } from '../../../src/capture/sound/pulse-control.js';

describe('pulse-control', () => {
  it('reads the chosen default of PipeWire, in either spelling, and its absence', () => {
    const printed = (value: string) =>
      `Found "default" metadata 35\nupdate: id:0 key:'default.configured.audio.sink' value:'${value}' type:'Spa:String:JSON'\n`;
    assert.equal(parseConfiguredDefault(printed('{ "name": "alsa_output.pci" }')), 'alsa_output.pci');
    assert.equal(parseConfiguredDefault(printed('{"name":"lumen-47989"}')), 'lumen-47989');
    assert.equal(parseConfiguredDefault('Found "default" metadata 35\n'), undefined);
    assert.equal(parseConfiguredDefault(printed('{}')), undefined);
  });

  it('reads the names of sinks', () => {
    const printed =
      '32\tauto_null\tPipeWire\tfloat32le 2ch 48000Hz\tSUSPENDED\n45\tlumen-47989\tPipeWire\tfloat32le 6ch 48000Hz\tRUNNING\n';
    assert.deepEqual(parseSinkNames(printed), ['auto_null', 'lumen-47989']);
    assert.deepEqual(parseSinkNames(''), []);
  });
});
