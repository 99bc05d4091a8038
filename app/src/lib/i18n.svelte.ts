/**
 * Two languages, by hand. A dictionary is an object of texts and of functions that make texts; the German one
 * must have the shape of the English one, so that a text which is missing does not compile.
 */

export type Language = "en" | "de";
export const LANGUAGES: Record<Language, string> = { en: "English", de: "Deutsch" };

const KEPT_AS = "parkmesh.language";

let current = $state<Language>(initial());

export const language = {
  get current(): Language {
    return current;
  },
  /** For `Intl`: the person's own variant of the language, for example `en-GB`. */
  get locale(): string {
    return (
      navigator.languages.find((tag) => tag.startsWith(current)) ?? (current === "de" ? "de-DE" : "en-GB")
    );
  },
  choose(wanted: Language): void {
    current = wanted;
    localStorage.setItem(KEPT_AS, wanted);
    document.documentElement.lang = wanted;
  },
};

/** The texts of a part of the app; `t()` gives those of the language that is chosen now. */
export function dictionary<Texts>(english: Texts, german: NoInfer<Texts>): () => Texts {
  return () => (current === "de" ? german : english);
}

function initial(): Language {
  const kept = localStorage.getItem(KEPT_AS) ?? "";
  const wanted = [kept, ...navigator.languages].map((tag) => tag.slice(0, 2));
  const known = wanted.find((tag): tag is Language => tag in LANGUAGES) ?? "en";
  document.documentElement.lang = known;
  return known;
}
