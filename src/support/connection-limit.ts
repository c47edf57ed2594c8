/** How many connections may be open, together and per place: what one person controls is one place. No sockets here. */
import { limitKey } from './address.js';

export class ConnectionLimit {
  readonly #most: number;
  readonly #mostPerPlace: number;
  readonly #perPlace = new Map<string, number>();
  #total = 0;

  /**
   * @param most of all together
   * @param mostPerPlace of one IPv4 address, or of one /64 of IPv6
   */
  constructor(most: number, mostPerPlace: number) {
    this.#most = most;
    this.#mostPerPlace = mostPerPlace;
  }

  /** Counts a connection from `address` in. @returns false, and nothing is counted, when there is no room for it */
  take(address: string): boolean {
    const place = limitKey(address);
    const here = this.#perPlace.get(place) ?? 0;
    if (this.#total >= this.#most || here >= this.#mostPerPlace) return false;
    this.#total += 1;
    this.#perPlace.set(place, here + 1);
    return true;
  }

  /** Counts out what {@link take} counted in. */
  release(address: string): void {
    const place = limitKey(address);
    const here = this.#perPlace.get(place) ?? 0;
    if (here > 1) this.#perPlace.set(place, here - 1);
    else this.#perPlace.delete(place);
    this.#total -= 1;
  }
}
