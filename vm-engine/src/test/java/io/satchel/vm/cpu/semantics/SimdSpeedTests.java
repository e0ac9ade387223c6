package io.satchel.vm.cpu.semantics;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import java.lang.management.ManagementFactory;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Vector instructions allocate nothing; what they cost is printed by the benchmark. */
class SimdSpeedTests {

  private static final String[] BODY = {
    "0F2802 MOVAPS x,m",
    "0F1142F3 MOVUPS m,x",
    "660F6FCA MOVDQA x,x",
    "660FEFD3 PXOR",
    "660FFEDC PADDD",
    "F20F1002 MOVSD x,m",
    "F20F58C1 ADDSD",
    "F20F59D1 MULSD",
    "F20F5ED9 DIVSD",
    "F30F58C1 ADDSS",
    "0F59E9 MULPS",
    "F20F2AC8 CVTSI2SD",
    "F20F2CC2 CVTTSD2SI",
    "660F2EC1 UCOMISD",
    "660F3800E2 PSHUFB",
    "660F3A0FE108 PALIGNR",
    "660F38DCE1 AESENC",
    "C5E858C1 VADDPS",
    "C5EDFEC1 VPADDD y",
    "C4E2F1B9C2 VFMADD231SD",
  };

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;
  private final Decoder decoder = new Decoder(Decoder.fullMap());
  private final Instruction[] body = new Instruction[BODY.length];

  @BeforeEach
  void decode() {
    for (int n = 0; n < BODY.length; n++) {
      byte[] bytes =
          HexFormat.of().parseHex(BODY[n].substring(0, BODY[n].indexOf(' ')) + "00".repeat(16));
      body[n] = decoder.decode(at -> bytes[at] & 0xFF, 4);
    }
    cpu.gpr[CpuState.RDX] = 0x10010;
  }

  private void operands() {
    for (int n = 0; n < 32; n++) {
      cpu.xmm[n] = Double.doubleToRawLongBits(1 + n / 7.0);
    }
    bench.put(0x10010, 8, Double.doubleToRawLongBits(1.7));
    bench.put(0x10018, 8, Double.doubleToRawLongBits(2.3));
  }

  private void loop(int count) {
    for (int k = 0; k < count; k++) {
      operands();
      for (Instruction i : body) {
        i.row().effect().execute(cpu, i);
      }
    }
  }

  @Test
  void vectorInstructionsAllocateNothing() {
    loop(30_000);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    loop(20_000);
    long after = threads.getCurrentThreadAllocatedBytes();
    // The two questions may allocate a little themselves.
    assertThat(after - before).isLessThan(20_000);
  }

  /** Nanoseconds of this thread on a processor: other work on the machine does not count. */
  private static long now() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  @Test
  @Tag("bench")
  void nanosecondsOfEachInstruction() {
    int count = 2_000_000;
    loop(count / 10);
    for (boolean inexactBefore : new boolean[] {false, true}) {
      for (int n = 0; n < BODY.length; n++) {
        for (int round = 0; round < 2; round++) {
          operands();
          long start = now();
          for (int k = 0; k < count; k++) {
            cpu.mxcsr = inexactBefore ? 0x1FA0 : 0x1F80;
            if ((k & 31) == 0) {
              // Products and quotients would leave the range.
              operands();
            }
            body[n].row().effect().execute(cpu, body[n]);
          }
          if (round == 1) {
            System.out.printf(
                "%-14s PE %b %5.1f ns%n",
                BODY[n].substring(BODY[n].indexOf(' ') + 1),
                inexactBefore,
                (now() - start) / (double) count);
          }
        }
      }
    }
  }
}
