// Who comes to the sign-in page is nobody yet: what a console kept for a member is thrown away.

if ("caches" in self) {
  for (const name of await caches.keys()) {
    if (name.startsWith("console ")) await caches.delete(name);
  }
  for (const worker of await navigator.serviceWorker.getRegistrations()) await worker.unregister();
}
