package io.satchel.vm.cpu;

import static io.satchel.vm.cpu.HostProcessor.AFTER;
import static io.satchel.vm.cpu.HostProcessor.FAULT;
import static io.satchel.vm.cpu.HostProcessor.GPR;
import static io.satchel.vm.cpu.HostProcessor.MEMORY;
import static io.satchel.vm.cpu.HostProcessor.MXCSR;
import static io.satchel.vm.cpu.HostProcessor.RFLAGS;
import static io.satchel.vm.cpu.HostProcessor.STRIDE;
import static io.satchel.vm.cpu.HostProcessor.UPPER;
import static io.satchel.vm.cpu.HostProcessor.XMM;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The oracle itself: what goes in comes out, and both processors are seen to do the same. */
class HostProcessorTests {

  private static void fill(HostProcessor host) {
    SplittableRandom random = new SplittableRandom(1);
    for (int n = 0; n < HostProcessor.BATCH; n++) {
      int at = n * STRIDE;
      for (int m = 0; m < STRIDE; m += 8) {
        host.records.putLong(at + m, random.nextLong());
      }
      host.records.putLong(at, 0x037F).putLong(at + 8, 0).putLong(at + 16, 0);
      host.records.putInt(at + MXCSR, 0x1F80);
      for (int r = 0; r < 8; r++) {
        host.records.putLong(at + 40 + 16 * r, 0x3FFF);
      }
      host.records.putLong(at + RFLAGS, 0x202 | random.nextInt() & CpuState.ARITHMETIC);
      host.records.putLong(at + GPR + 8 * CpuState.RDI, host.recordAddress(n) + MEMORY);
      host.records.putLong(at + GPR + 8 * CpuState.RSP, host.recordAddress(n) + MEMORY + 0x200);
    }
  }

  @Test
  void registersPassThroughAnInstructionThatDoesNothing() {
    try (HostProcessor host = new HostProcessor(8)) {
      host.instruction(new byte[] {(byte) 0x90});
      fill(host);
      ByteBuffer theirs = host.runNative(HostProcessor.BATCH);
      ByteBuffer ours = host.run(HostProcessor.BATCH);
      for (int n = 0; n < HostProcessor.BATCH; n++) {
        assertThat(host.difference(theirs, ours, n, CpuState.ARITHMETIC)).isEmpty();
        int at = n * STRIDE;
        for (int m = GPR; m < GPR + 128; m += 8) {
          assertThat(theirs.getLong(at + AFTER + m)).isEqualTo(host.records.getLong(at + m));
        }
        for (int m = XMM; m < XMM + 256; m += 8) {
          assertThat(theirs.getLong(at + AFTER + m)).isEqualTo(host.records.getLong(at + m));
        }
        if (HostProcessor.hostFeatures().contains("avx")) {
          for (int m = UPPER; m < UPPER + 256; m += 8) {
            assertThat(theirs.getLong(at + AFTER + m)).isEqualTo(host.records.getLong(at + m));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "48 01 D8", // add rax,rbx
        "4D 11 C8", // adc r8,r9
        "48 89 47 08", // mov [rdi+8],rax
        "4C 0F AF 7F 10", // imul r15,[rdi+10h]
        "41 50", // push r8
        "49 F7 F0", // div r8: a divide error more often than not
        "F4", // hlt: #GP
        "0F 0B", // ud2
        "48 8B 03", // mov rax,[rbx]: not canonical, more often than not
      })
  void bothProcessorsAgreeFaultsIncluded(String hex) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    try (HostProcessor host = new HostProcessor(8)) {
      host.instruction(code);
      fill(host);
      if (hex.equals("48 8B 03")) {
        for (int n = 0; n < HostProcessor.BATCH; n++) {
          host.records.putLong(n * STRIDE + GPR + 24, 0x1234_5678_9ABC_DEF0L);
        }
      }
      long flags = hex.equals("49 F7 F0") || hex.startsWith("4C 0F AF") ? 0 : CpuState.ARITHMETIC;
      ByteBuffer theirs = host.runNative(HostProcessor.BATCH);
      ByteBuffer ours = host.run(HostProcessor.BATCH);
      for (int n = 0; n < HostProcessor.BATCH; n++) {
        assertThat(host.difference(theirs, ours, n, flags)).as("record %d", n).isEmpty();
      }
    }
  }

  @Test
  void anExceptionOfTheHostIsRecordedAndTheNextRecordRuns() {
    try (HostProcessor host = new HostProcessor(8)) {
      host.instruction(HexFormat.of().parseHex("F7F1")); // div ecx
      fill(host);
      for (int n = 0; n < HostProcessor.BATCH; n++) {
        host.records.putLong(n * STRIDE + GPR + 8, n & 1);
        host.records.putLong(n * STRIDE + GPR + 16, 0);
      }
      ByteBuffer theirs = host.runNative(HostProcessor.BATCH);
      for (int n = 0; n < HostProcessor.BATCH; n++) {
        assertThat(theirs.getInt(n * STRIDE + FAULT)).isEqualTo((n & 1) != 0 ? 0 : 1);
      }
    }
  }

  @Test
  void aJumpIsSeenToBeTakenOrNot() {
    try (HostProcessor host = new HostProcessor(8)) {
      host.instruction(new byte[2]);
      int distance = (int) (host.takenAddress() - host.instructionAddress() - 2);
      host.instruction(new byte[] {0x74, (byte) distance}); // jz
      fill(host);
      ByteBuffer theirs = host.runNative(HostProcessor.BATCH);
      ByteBuffer ours = host.run(HostProcessor.BATCH);
      for (int n = 0; n < HostProcessor.BATCH; n++) {
        boolean zero = (host.records.getLong(n * STRIDE + RFLAGS) & CpuState.ZF) != 0;
        assertThat(theirs.get(n * STRIDE + HostProcessor.TAKEN)).isEqualTo((byte) (zero ? 1 : 0));
        assertThat(host.difference(theirs, ours, n, CpuState.ARITHMETIC)).isEmpty();
      }
    }
  }
}
