/** Ceiling division of non-negative integers that stay exact in a double. Source: vllm/utils/math_utils.py cdiv. */
export function cdiv(a: number, b: number): number {
  return Math.ceil(a / b);
}

/** The smallest multiple of `multiple` that is at least `value`. */
export function roundUp(value: number, multiple: number): number {
  return cdiv(value, multiple) * multiple;
}

export function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

export function lcm(a: number, b: number): number {
  return (a / gcd(a, b)) * b;
}
