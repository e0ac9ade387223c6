package io.satchel.vm.accel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.vm.Conformance;
import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs barotto/test386.asm, a ROM that tests a 386 from its first instruction: real, protected and
 * virtual-8086 mode, paging, privilege levels, task switches, and the results of arithmetic.
 *
 * <p>Give its folder as {@code test386} in {@code -Dsatchel.suites=FOLDER}: {@code test386.bin}
 * assembled with {@code OUT_PORT equ 0xE9}, and {@code test386-EE-reference.txt}. A ROM of 128 KiB
 * does as well.
 */
@Tag("conformance")
class Test386Tests {

  private static final long LIMIT = 500_000_000;
  private static final int LAST_POST_CODE = 0xFF;

  private final StringBuilder text = new StringBuilder();
  private int post = -1;

  @ParameterizedTest
  @ValueSource(strings = {"486", "max"})
  void test386RunsToItsLastPostCodeAndPrintsWhatTheHardwarePrinted(String model)
      throws IOException {
    String suites = System.getProperty("satchel.suites", "");
    Path folder = Path.of(suites, "test386");
    assumeTrue(
        !suites.isEmpty() && Files.exists(folder.resolve("test386.bin")),
        "needs test386.asm, assembled: -Dsatchel.suites=FOLDER with test386 in it");
    byte[] rom = Files.readAllBytes(folder.resolve("test386.bin"));
    CpuState cpu = machine(model, rom);
    Tcg tcg = new Tcg(cpu);
    while (cpu.instructions < LIMIT && tcg.run(1_000_000) == Accelerator.Exit.BUDGET) {
      // Runs on.
    }
    List<String> expected =
        Files.readString(folder.resolve("test386-EE-reference.txt")).lines().toList();
    boolean right = post == LAST_POST_CODE && text.toString().lines().toList().equals(expected);
    Conformance.report(
        "test386.asm on the model " + model,
        1,
        right ? 1 : 0,
        List.of(
            "last POST code %02Xh; %d lines of results %s"
                .formatted(
                    post,
                    text.toString().lines().count(),
                    right ? "as the hardware printed them" : "differ from the hardware's")));
    assertThat(post)
        .as("POST code at %04X:%08X", cpu.selector[CpuState.CS], cpu.rip)
        .isEqualTo(LAST_POST_CODE);
    assertThat(text.toString().lines()).containsExactlyElementsOf(expected);
  }

  private CpuState machine(String model, byte[] rom) {
    GuestMemory memory = new GuestMemory(16 << 20, rom.length);
    AddressMap map = new AddressMap(memory);
    map.mapMemory(0, 16 << 20, 0);
    int offset = memory.allocate(rom.length);
    memory.write(offset, rom, 0, rom.length);
    for (long end : new long[] {1L << 20, 1L << 32}) {
      map.mapRead(end - rom.length, rom.length, offset);
      map.unmapWrite(end - rom.length, rom.length);
    }
    IoPorts ports = new IoPorts();
    ports.map(0xE9, 1, 1, "text", port(c -> text.append((char) c)));
    ports.map(0x190, 1, 1, "post", port(code -> post = code));
    CpuState cpu = new CpuState(new Mmu(map), ports, CpuModel.named(model));
    cpu.reset(cpu.model.signature());
    return cpu;
  }

  private static IoHandler port(IntConsumer sink) {
    return new IoHandler() {
      @Override
      public int read(int offset, int width) {
        return -1;
      }

      @Override
      public void write(int offset, int width, int value) {
        sink.accept(value);
      }
    };
  }
}
