/** The driver's cards on file. The card itself is with the payment provider; we know a token and what may be shown. */

import type { PaymentMethod } from "../../gen/parkmesh/payment/v1/payment_pb";
import { Action } from "../../lib/action.svelte";
import { Loader } from "../../lib/loader.svelte";
import { payment } from "../api";
import { profile } from "./profile.svelte";
import { SANDBOX_CARDS } from "./sandbox";

export class Cards {
  readonly list = new Loader<readonly PaymentMethod[]>();
  readonly adding = new Action();
  readonly dropping = new Action();
  /** The id of the card that is chosen; empty: the new one. */
  chosen = $state("");
  /** The provider's token of the new card. */
  token = $state<string>(SANDBOX_CARDS[0].token);

  constructor() {
    void this.read();
  }

  async read(): Promise<void> {
    await this.list.load(async (signal) => (await payment.listPaymentMethods({}, { signal })).paymentMethods);
    const cards = this.list.value ?? [];
    if (cards.some((card) => card.paymentMethodId === this.chosen)) return;
    const used = cards.find((card) => card.paymentMethodId === profile.card) ?? cards[0];
    this.chosen = used?.paymentMethodId ?? "";
  }

  /** The card to pay with: the chosen one, or the new one, put on file now. Undefined when that was refused. */
  async ready(): Promise<string | undefined> {
    return this.chosen || (await this.add());
  }

  async add(): Promise<string | undefined> {
    const body = { token: this.token.trim() };
    const answer = await this.adding.run(body, (requestId) =>
      payment.createPaymentMethod({ requestId, ...body }),
    );
    const card = answer?.paymentMethod;
    if (card === undefined) return undefined;
    this.list.value = [
      card,
      ...(this.list.value ?? []).filter((one) => one.paymentMethodId !== card.paymentMethodId),
    ];
    this.chosen = card.paymentMethodId;
    return card.paymentMethodId;
  }

  async drop(paymentMethodId: string): Promise<void> {
    const answer = await this.dropping.run({ paymentMethodId }, () =>
      payment.deletePaymentMethod({ paymentMethodId }),
    );
    if (answer === undefined) return;
    this.list.value = this.list.value?.filter((card) => card.paymentMethodId !== paymentMethodId);
    if (this.chosen === paymentMethodId) this.chosen = this.list.value?.[0]?.paymentMethodId ?? "";
  }
}
