/** What `channeltones` writes into the channels, in the client's order: FL FR FC LFE BL BR SL SR. */
export const TEST_TONES_HZ: readonly number[] = [440, 1300, 660, 80, 900, 1800, 500, 1500];
