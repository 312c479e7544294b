/**
 * The GPUs that can be simulated: what CUDA reports of their memory, and what their data sheets say of speed. Dense figures,
 * no sparsity. Names are accepted as people and nvidia-smi write them.
 */
import { ConfigError } from '../../shared/errors.ts';
import type { ComputeCapability } from './attention/backend.ts';

const GIB = 2 ** 30;

export interface GpuFacts {
  /** The catalogue's name. */
  readonly name: string;
  /** As the driver names it. */
  readonly deviceName: string;
  readonly vendor: 'nvidia' | 'amd';
  /** Total memory as CUDA (or HIP) reports it to a process, which is less than what is printed on the box. */
  readonly memoryBytes: number;
  readonly bandwidthBytesPerSecond: number;
  /** Floating-point operations per second of dense matrix products. */
  readonly peakFlops: { readonly bf16: number; readonly fp8: number | null };
  readonly computeCapability: ComputeCapability;
  /** CPU and GPU share one memory. */
  readonly hasUnifiedMemory: boolean;
  readonly source: string;
}

interface GpuRow {
  readonly name: string;
  readonly deviceName: string;
  readonly vendor?: 'amd';
  /** GiB as torch reports them, two decimals. */
  readonly gib: number;
  /** GB per second. */
  readonly bandwidth: number;
  /** TFLOPS. */
  readonly bf16: number;
  readonly fp8?: number;
  readonly capability: readonly [major: number, minor: number];
  readonly hasUnifiedMemory?: true;
  readonly source: string;
  /** Patterns of other spellings, after normalisation (lower case, letters and digits only). */
  readonly spellings: RegExp;
}

const ROWS: readonly GpuRow[] = [
  {
    name: 'L4',
    deviceName: 'NVIDIA L4',
    gib: 22.03,
    bandwidth: 300,
    bf16: 121,
    fp8: 242,
    capability: [8, 9],
    source: 'NVIDIA L4 data sheet; memory as torch reports it',
    spellings: /^l4(24gb?)?$/,
  },
  {
    name: 'A10',
    deviceName: 'NVIDIA A10',
    gib: 22.07,
    bandwidth: 600,
    bf16: 125,
    capability: [8, 6],
    source: 'NVIDIA A10 data sheet; memory as torch reports it',
    spellings: /^a10g?(24gb?)?$/,
  },
  {
    name: 'L20',
    deviceName: 'NVIDIA L20',
    gib: 44.53,
    bandwidth: 864,
    bf16: 119.5,
    fp8: 239,
    capability: [8, 9],
    source: 'NVIDIA L20 data sheet; memory as torch reports it',
    spellings: /^l20(48gb?)?$/,
  },
  {
    name: 'RTX-A5000',
    deviceName: 'NVIDIA RTX A5000',
    gib: 23.56,
    bandwidth: 768,
    bf16: 111.1,
    capability: [8, 6],
    source: 'NVIDIA RTX A5000 data sheet; memory as torch reports it',
    spellings: /^(rtx)?a5000(24gb?)?$/,
  },
  {
    name: 'RTX-A6000',
    deviceName: 'NVIDIA RTX A6000',
    gib: 47.4,
    bandwidth: 768,
    bf16: 154.8,
    capability: [8, 6],
    source: 'NVIDIA RTX A6000 data sheet; memory as torch reports it',
    spellings: /^(rtx)?a6000(48gb?)?$/,
  },
  {
    name: 'A100-40GB',
    deviceName: 'NVIDIA A100-SXM4-40GB',
    gib: 39.39,
    bandwidth: 1555,
    bf16: 312,
    capability: [8, 0],
    source: 'NVIDIA A100 data sheet (SXM4 40 GB); memory as torch reports it',
    spellings: /^a100(sxm4?|pcie?)?40(gb?)?(sxm4?|pcie?)?$/,
  },
  {
    name: 'A100-80GB',
    deviceName: 'NVIDIA A100-SXM4-80GB',
    gib: 79.15,
    bandwidth: 2039,
    bf16: 312,
    capability: [8, 0],
    source: 'NVIDIA A100 data sheet (SXM4 80 GB); memory as torch reports it',
    spellings: /^a100(sxm4?|pcie?)?(80(gb?)?)?(sxm4?|pcie?)?$/,
  },
  {
    name: 'L40S',
    deviceName: 'NVIDIA L40S',
    gib: 44.39,
    bandwidth: 864,
    bf16: 362.05,
    fp8: 733,
    capability: [8, 9],
    source: 'NVIDIA L40S data sheet; memory as torch reports it',
    spellings: /^l40s(48gb?)?$/,
  },
  {
    name: 'RTX-6000-Ada',
    deviceName: 'NVIDIA RTX 6000 Ada Generation',
    gib: 47.4,
    bandwidth: 960,
    bf16: 364.2,
    fp8: 728.5,
    capability: [8, 9],
    source: 'NVIDIA RTX 6000 Ada data sheet; memory as torch reports it',
    spellings: /^(rtx)?6000ada(generation)?(48gb?)?$/,
  },
  {
    name: 'H20',
    deviceName: 'NVIDIA H20',
    gib: 95.22,
    bandwidth: 4000,
    bf16: 148,
    fp8: 296,
    capability: [9, 0],
    source: 'NVIDIA H20 data sheet; memory as torch reports it',
    spellings: /^h20(sxm5?)?(96(gb?)?)?(hbm3)?$/,
  },
  {
    name: 'H100-NVL',
    deviceName: 'NVIDIA H100 NVL',
    gib: 93.1,
    bandwidth: 3900,
    bf16: 835,
    fp8: 1671,
    capability: [9, 0],
    source: 'NVIDIA H100 data sheet (NVL, one GPU); memory as torch reports it',
    spellings: /^h100(nvl(94gb?)?|94gb?)$/,
  },
  {
    name: 'H100',
    deviceName: 'NVIDIA H100 80GB HBM3',
    gib: 79.1,
    bandwidth: 3350,
    bf16: 989.4,
    fp8: 1978.9,
    capability: [9, 0],
    source: 'NVIDIA H100 data sheet (SXM5); memory as torch reports it',
    spellings: /^h100(sxm5?|pcie)?(80(gb?)?)?(hbm[23]e?)?(sxm5?|pcie)?$/,
  },
  {
    name: 'H200',
    deviceName: 'NVIDIA H200',
    gib: 139.8,
    bandwidth: 4800,
    bf16: 989.4,
    fp8: 1978.9,
    capability: [9, 0],
    source: 'NVIDIA H200 data sheet (SXM5); memory as torch reports it',
    spellings: /^h200(sxm5?)?(141(gb?)?)?(hbm3e)?$/,
  },
  {
    name: 'B200',
    deviceName: 'NVIDIA B200',
    gib: 178.35,
    bandwidth: 8000,
    bf16: 2250,
    fp8: 4500,
    capability: [10, 0],
    source: 'NVIDIA DGX B200 data sheet, an eighth; memory as torch reports it',
    spellings: /^b200(sxm\d?)?(1(80|92)(gb?)?)?(hbm3e)?$/,
  },
  {
    name: 'GB200',
    deviceName: 'NVIDIA GB200',
    gib: 184.31,
    bandwidth: 8000,
    bf16: 2500,
    fp8: 5000,
    capability: [10, 0],
    source: 'NVIDIA GB200 NVL72 data sheet, one GPU of 72; memory as torch reports it',
    spellings: /^gb200(nvl\d*)?(1(86|92)(gb?)?)?$/,
  },
  {
    name: 'B300',
    deviceName: 'NVIDIA B300 SXM6 AC',
    gib: 267.69,
    bandwidth: 8000,
    bf16: 2250,
    fp8: 4500,
    capability: [10, 3],
    source: 'NVIDIA HGX B300 data sheet, an eighth; memory as torch reports it',
    spellings: /^b300(sxm\d?(ac)?)?(2(70|88)(gb?)?)?(hbm3e)?$/,
  },
  {
    name: 'GB300',
    deviceName: 'NVIDIA GB300',
    gib: 276.62,
    bandwidth: 8000,
    bf16: 2500,
    fp8: 5000,
    capability: [10, 3],
    source: 'NVIDIA GB300 NVL72 data sheet, one GPU of 72; memory as a start-up log has it',
    spellings: /^gb300(nvl\d*)?(2(79|88)(gb?)?)?$/,
  },
  {
    name: 'GB10',
    deviceName: 'NVIDIA GB10',
    gib: 121.69,
    bandwidth: 273,
    bf16: 125,
    fp8: 250,
    capability: [12, 1],
    hasUnifiedMemory: true,
    source:
      'NVIDIA DGX Spark data sheet (1 PFLOP of sparse FP4); memory, shared with the CPU, as a start-up log has it',
    spellings: /^(gb10|dgxspark)(128gb?)?$/,
  },
  {
    name: 'MI300X',
    deviceName: 'AMD Instinct MI300X',
    vendor: 'amd',
    gib: 191.69,
    bandwidth: 5300,
    bf16: 1307.4,
    fp8: 2614.9,
    capability: [9, 4],
    source: 'AMD Instinct MI300X data sheet; memory as torch reports it',
    spellings: /^(instinct)?mi300x(oam)?(192gb?)?$/,
  },
  {
    name: 'MI325X',
    deviceName: 'AMD Instinct MI325X',
    vendor: 'amd',
    gib: 255.98,
    bandwidth: 6000,
    bf16: 1307.4,
    fp8: 2614.9,
    capability: [9, 4],
    source: 'AMD Instinct MI325X data sheet; memory as torch reports it',
    spellings: /^(instinct)?mi325x(oam)?(256gb?)?$/,
  },
  {
    name: 'MI355X',
    deviceName: 'AMD Instinct MI355X',
    vendor: 'amd',
    gib: 287.98,
    bandwidth: 8000,
    bf16: 2516.6,
    fp8: 5033.2,
    capability: [9, 5],
    source: 'AMD Instinct MI355X data sheet; memory as torch reports it',
    spellings: /^(instinct)?mi355x(oam)?(288gb?)?$/,
  },
  {
    name: 'RTX-3090',
    deviceName: 'NVIDIA GeForce RTX 3090',
    gib: 23.56,
    bandwidth: 936,
    bf16: 71,
    capability: [8, 6],
    source: 'NVIDIA GA102 architecture paper, appendix A; memory as torch reports it',
    spellings: /^(geforce)?(rtx)?3090(24gb?)?$/,
  },
  {
    name: 'RTX-4090',
    deviceName: 'NVIDIA GeForce RTX 4090',
    gib: 23.64,
    bandwidth: 1008,
    bf16: 165.2,
    fp8: 660.6,
    capability: [8, 9],
    source: 'NVIDIA Ada GPU architecture paper, appendix A; memory as torch reports it',
    spellings: /^(geforce)?(rtx)?4090(24gb?)?$/,
  },
  {
    name: 'RTX-5090',
    deviceName: 'NVIDIA GeForce RTX 5090',
    gib: 31.37,
    bandwidth: 1792,
    bf16: 209.5,
    fp8: 838,
    capability: [12, 0],
    source: 'NVIDIA RTX Blackwell GPU architecture paper, appendix A; memory as torch reports it',
    spellings: /^(geforce)?(rtx)?5090(32gb?)?$/,
  },
  {
    name: 'RTX-5080',
    deviceName: 'NVIDIA GeForce RTX 5080',
    gib: 15.92,
    bandwidth: 960,
    bf16: 112.6,
    fp8: 450.2,
    capability: [12, 0],
    source:
      'NVIDIA RTX Blackwell GPU architecture paper, appendix A; memory as a start-up log has it',
    spellings: /^(geforce)?(rtx)?5080(16gb?)?$/,
  },
  {
    name: 'RTX-5070-Ti',
    deviceName: 'NVIDIA GeForce RTX 5070 Ti',
    gib: 15.92,
    bandwidth: 896,
    bf16: 87.9,
    fp8: 351.5,
    capability: [12, 0],
    source:
      'NVIDIA RTX Blackwell GPU architecture paper, appendix A; memory as that of the RTX 5080',
    spellings: /^(geforce)?(rtx)?5070ti(16gb?)?$/,
  },
  {
    name: 'RTX-PRO-6000',
    deviceName: 'NVIDIA RTX PRO 6000 Blackwell Workstation Edition',
    gib: 95.01,
    bandwidth: 1792,
    bf16: 503.8,
    fp8: 1007.6,
    capability: [12, 0],
    source:
      'NVIDIA RTX PRO Blackwell GPU architecture paper, appendix A; memory as a start-up log has it',
    spellings: /^rtxpro6000(blackwell)?(workstation|server|maxq)?(workstation)?(edition)?(96gb?)?$/,
  },
];

const TERA = 1e12;

function facts(row: GpuRow): GpuFacts {
  const [major, minor] = row.capability;
  return {
    name: row.name,
    deviceName: row.deviceName,
    vendor: row.vendor ?? 'nvidia',
    memoryBytes: Math.round(row.gib * GIB),
    bandwidthBytesPerSecond: row.bandwidth * 1e9,
    peakFlops: { bf16: row.bf16 * TERA, fp8: row.fp8 === undefined ? null : row.fp8 * TERA },
    computeCapability: { major, minor },
    hasUnifiedMemory: row.hasUnifiedMemory ?? false,
    source: row.source,
  };
}

export function listGpus(): readonly GpuFacts[] {
  return ROWS.map(facts);
}

/** `NAME-24GiB`: the GPU with exactly that much memory. */
const EXACT_MEMORY = /^(.*?)[-_ ]?(\d+(?:\.\d+)?)\s*GiB$/i;

/** By any usual spelling; `H100-80GiB` means an H100 with exactly 80 GiB. Null when unknown. */
export function findGpu(name: string): GpuFacts | null {
  const exact = EXACT_MEMORY.exec(name.trim());
  if (exact !== null) {
    const [, base = '', gib = ''] = exact;
    const gpu = findGpu(`${base}-${gib}GB`) ?? findGpu(base);
    return gpu === null ? null : { ...gpu, memoryBytes: Math.round(Number(gib) * GIB) };
  }
  const plain = name
    .toLowerCase()
    .replace(/nvidia|amd|tesla/g, '')
    .replace(/[^a-z0-9]/g, '');
  const row = ROWS.find(({ spellings }) => spellings.test(plain));
  return row === undefined ? null : facts(row);
}

/** Throws E_UNKNOWN_GPU with the names there are. */
export function requireGpu(name: string): GpuFacts {
  const gpu = findGpu(name);
  if (gpu !== null) return gpu;
  throw new ConfigError(
    'E_UNKNOWN_GPU',
    `--gpu ${name} is not known; known: ${ROWS.map((row) => row.name).join(', ')} (or any GPU's memory with --gpu-memory)`,
  );
}
