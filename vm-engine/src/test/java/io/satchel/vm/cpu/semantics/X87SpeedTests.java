package io.satchel.vm.cpu.semantics;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuResult;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.lang.management.ManagementFactory;
import java.util.HexFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Arithmetic allocates nothing; what it costs is printed by the benchmark. */
class X87SpeedTests {

  private static final String[] BODY = {
    "DD02 FLD m64", "D8C1 FADD", "D8C9 FMUL", "DC3A FDIVR m64", "D9FA FSQRT", "DD5A08 FSTP m64"
  };

  private final CpuState cpu;
  private final Instruction[] body = new Instruction[BODY.length];

  X87SpeedTests() {
    GuestMemory memory = new GuestMemory(0x10000, 0);
    AddressMap map = new AddressMap(memory);
    map.mapMemory(0, 0x10000, 0);
    cpu = new CpuState(new Mmu(map), new IoPorts(), CpuModel.named("max"));
    cpu.cr0 = CpuState.CR0_PE | CpuState.CR0_ET | CpuState.CR0_NE;
    for (int n = 0; n < 6; n++) {
      cpu.limit[n] = 0xFFFF_FFFFL;
      cpu.attributes[n] = CpuState.ATTR_P | CpuState.ATTR_S | CpuState.ATTR_DB | 3;
    }
    cpu.gpr[CpuState.RDX] = 0x2000;
    memory.put64(0x2000, Double.doubleToRawLongBits(1.7));
    for (int n = 0; n < BODY.length; n++) {
      body[n] = decode(BODY[n].substring(0, BODY[n].indexOf(' ')));
    }
    execute(decode("DBE3"));
    execute(decode("D9EB"));
  }

  private static Instruction decode(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex);
    return new Decoder(Decoder.fullMap())
        .decode(at -> at < bytes.length ? bytes[at] & 0xFF : 0x90, 4);
  }

  private void execute(Instruction i) {
    i.row().effect().execute(cpu, i);
  }

  private void loop(int count) {
    for (int k = 0; k < count; k++) {
      for (Instruction i : body) {
        execute(i);
      }
    }
  }

  @Test
  void arithmeticAllocatesNothing() {
    loop(20_000);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    loop(20_000);
    long after = threads.getCurrentThreadAllocatedBytes();
    // The two questions may allocate a little themselves.
    assertThat(after - before).isLessThan(20_000);
  }

  @Test
  @Tag("bench")
  void nanosecondsOfEachOperation() {
    int count = 2_000_000;
    for (int round = 0; round < 5; round++) {
      long start = System.nanoTime();
      loop(count);
      double each = (System.nanoTime() - start) / (double) count / BODY.length;
      System.out.printf("x87 FLD FADD FMUL FDIVR FSQRT FSTP: %.1f ns an instruction%n", each);
    }
    FpuResult r = new FpuResult();
    for (int round = 0; round < 3; round++) {
      long start = System.nanoTime();
      for (int k = 0; k < count; k++) {
        Float80.multiply(r, 0x37F, Long.MIN_VALUE | k, 0x3FFF, Long.MIN_VALUE | 12345, 0x4001);
        Float80.add(r, 0x37F, r.significand, r.signExponent, Long.MIN_VALUE | k, 0x3FFC);
      }
      System.out.printf(
          "Float80 multiply and add: %.1f ns each%n", (System.nanoTime() - start) / 2.0 / count);
      start = System.nanoTime();
      for (int k = 0; k < count / 10; k++) {
        X87Transcendental.sine(r, 0x37F, Long.MIN_VALUE | k, 0x4001);
      }
      System.out.printf("FSIN: %.1f ns%n", (System.nanoTime() - start) * 10.0 / count);
    }
  }
}
