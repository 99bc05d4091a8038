/** Messages to the driver, live: the newest first, and how many are unread. */

import { timestampNow } from "@bufbuild/protobuf/wkt";
import type { Notification } from "../../gen/parkmesh/notification/v1/notification_pb";
import type { WatchNotificationsResponse } from "../../gen/parkmesh/notification/v1/notification_service_pb";
import { route } from "../../lib/route.svelte";
import { toast } from "../../ui/toast.svelte";
import { Watch } from "../../lib/watch.svelte";
import { notification } from "../api";

const KEPT_MAX = 100;

export class Inbox {
  messages = $state.raw<readonly Notification[]>([]);
  readonly unread = $derived(this.messages.filter((message) => message.readTime === undefined).length);
  readonly watch: Watch<WatchNotificationsResponse>;

  #sequence = 0n;
  /** Until then what comes was written before, and is no news. */
  #since = Date.now();

  constructor() {
    this.watch = new Watch({
      open: (signal) => notification.watchNotifications({ afterSequence: this.#sequence }, { signal }),
      take: ({ notification: message }) => message && this.#take(message),
    });
  }

  close(): void {
    this.watch.close();
  }

  /** Marks all that is shown as read. */
  async readAll(): Promise<void> {
    const unread = this.messages.filter((message) => message.readTime === undefined);
    if (unread.length === 0) return;
    await notification.markRead({ notificationIds: unread.map((message) => message.notificationId) });
    const readTime = timestampNow();
    this.messages = this.messages.map((message) => (message.readTime ? message : { ...message, readTime }));
  }

  #take(message: Notification): void {
    this.#sequence = message.sequence;
    this.messages = [message, ...this.messages].slice(0, KEPT_MAX);
    const written = Number(message.createTime?.seconds ?? 0n) * 1000;
    // Whoever looks at the booking sees it change.
    const seen = message.bookingId !== "" && route.path.startsWith(`/bookings/${message.bookingId}`);
    if (written >= this.#since && !seen) toast.show(message.title);
  }
}
