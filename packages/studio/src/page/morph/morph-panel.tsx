export function MorphPanel() {
  return <h1>Morph</h1>;
}
