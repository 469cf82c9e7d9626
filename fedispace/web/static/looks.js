// The room is looked at anew: what of it changed is often told without what it is now.
//
// Many are told the same at once, and one may be told much in a second. So a look may wait a little, and of
// many reasons to look at most one look is under way and one waits.

const SPREAD_EACH = 5;
const MOST_SPREAD = 5000;
const LOOKS_EVERY = 1000;

// What all are told at once they do not all ask for at once: the more listen, the longer it may take.
export const crowd = (room) => Math.random() * Math.min(MOST_SPREAD, (room.state?.listeners?.count ?? 0) * SPREAD_EACH);

export class Looks {
  // take(state): what is done with the room that was seen. also(): what is looked at besides.
  constructor({ key, room, take, also }) {
    this.key = key;
    this.room = room;
    this.take = take;
    this.also = also;
    this.lookedAt = -Infinity;
    this.orderedAt = 0;
    this.timer = 0;
    this.underWay = null;
    this.againWanted = false;
  }

  // Looks before long, for what many may be told, or one many times in a second.
  soon() {
    if (this.timer) return;
    const pause = Math.max(this.room.isHost ? 0 : crowd(this.room), this.lookedAt + LOOKS_EVERY - performance.now(), 0);
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.now();
      this.also();
    }, pause);
  }

  now() {
    if (this.underWay) {
      this.againWanted = true;
      return this.underWay;
    }
    const begun = performance.now();
    this.lookedAt = begun;
    this.underWay = this.key.call("/room", { method: "GET" })
      .then((fresh) => {
        // What was asked before one's own last order was carried out tells of a room that is no more.
        if (begun < this.orderedAt) this.againWanted = true;
        else if (fresh?.stage) this.take(fresh);
      })
      .catch(() => {})
      .finally(() => {
        this.underWay = null;
        if (this.againWanted) {
          this.againWanted = false;
          this.now();
        }
      });
    return this.underWay;
  }

  // An order of one's own was carried out.
  ordered() {
    this.orderedAt = performance.now();
  }

  // What comes in answer to a look that is under way may be older than what was just told.
  outdone() {
    if (this.underWay) this.againWanted = true;
  }
}
