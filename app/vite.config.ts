import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// Where calls go while the app is served by vite and not by the gateway.
const gateway = process.env["PARKMESH_GATEWAY"] ?? "http://127.0.0.1:8080";
const proxy = { "^/parkmesh\\.": { target: gateway } };

export default defineConfig({
  plugins: [svelte()],
  server: { host: "127.0.0.1", port: 5173, proxy },
  preview: { host: "127.0.0.1", port: 4173, proxy },
  build: {
    target: "es2023",
    // The gateway forbids inline sources.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    rolldownOptions: {
      output: {
        // What all faces share is one file: on a slow network each file more costs a way there and back.
        codeSplitting: {
          groups: [{ name: "shared", test: /node_modules|src\/(lib|ui)\//, minShareCount: 2 }],
        },
      },
    },
  },
});
