/** The whole page. */
export function Studio() {
  return (
    <main>
      <h1>Pioneer Studio</h1>
    </main>
  );
}
