/** Answers which elements and properties the installed GStreamer has. */
import { type Element, Gst } from './gstreamer.js';

const PROBE_NAME = 'inspected';

const hasProperty = (element: Element, property: string): boolean => {
  // A bin is a child proxy, which is the one way to look a property up that introspection offers.
  const bin = new Gst.Pipeline();
  bin.add(element);
  return bin.lookup(`${PROBE_NAME}::${property}`)[0];
};

const exists = (name: string): boolean => {
  const [factory = '', property] = name.split('.', 2);
  // The registry answers for elements; only a property needs the plugin in memory.
  if (Gst.ElementFactory.find(factory) === null) return false;
  if (property === undefined) return true;
  const element = Gst.ElementFactory.make(factory, PROBE_NAME);
  return element !== null && hasProperty(element, property);
};

/**
 * The names that do not exist here.
 * @param names `element` or `element.property`
 */
export const findMissing = (names: readonly string[]): string[] => names.filter((name) => !exists(name));
