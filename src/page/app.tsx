/** The whole page. */
export function App() {
  return <main>vllm-twin</main>;
}
