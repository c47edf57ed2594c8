/** What an acceptance run measures: figures, each beside the bound that it must keep. */

/** One figure and its bound. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** `max`: at most; `min`: at least; null where the figure is only shown. */
  readonly bound: { readonly kind: 'min' | 'max'; readonly value: number } | null;
}

export const atMost = (name: string, value: number, unit: string, bound: number): Figure => ({
  name,
  value,
  unit,
  bound: { kind: 'max', value: bound },
});
export const atLeast = (name: string, value: number, unit: string, bound: number): Figure => ({
  name,
  value,
  unit,
  bound: { kind: 'min', value: bound },
});
export const shown = (name: string, value: number, unit: string): Figure => ({
  name,
  value,
  unit,
  bound: null,
});

export const isKept = ({ value, bound }: Figure): boolean =>
  bound === null || (bound.kind === 'max' ? value <= bound.value : value >= bound.value);

/** One line: verdict, name, value, bound. */
export const formatFigure = (figure: Figure): string => {
  const { bound } = figure;
  const limit = bound === null ? '' : `${bound.kind === 'max' ? 'at most' : 'at least'} ${bound.value}`;
  const verdict = bound === null ? '    ' : isKept(figure) ? 'ok  ' : 'MISS';
  return `${verdict} ${figure.name.padEnd(58)} ${figure.value.toFixed(2).padStart(9)} ${figure.unit.padEnd(4)} ${limit}`;
};
