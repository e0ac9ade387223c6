package io.satchel.vm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Kernel;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.bus.IoHandler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Runs kvm-unit-tests for x86 on the whole machine. Each is a multiboot kernel that prints PASS and
 * FAIL on the serial line and ends by port F4h, with 0 when all went well.
 *
 * <p>Give a folder as {@code -Dsatchel.kvmUnitTests=FOLDER} with two builds of the suite in it,
 * {@code i386} and {@code x86_64}: each {@code ./configure --arch=ARCH && make}. The lists are the
 * tests for one processor that QEMU passes without hardware help.
 */
@Tag("conformance")
class KvmUnitTests {

  private static final int SECONDS = 240;
  private static final int MEMORY_MIB = 256;

  /** The page of memory that the suite expects of its test device. */
  private static final long TEST_MEMORY = 0xFF00_0000L;

  private static final int TEST_MEMORY_SIZE = 0x1_0000;

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "i386, cmpxchg8b",
    "i386, eventinj",
    "i386, idt_test",
    "i386, realmode",
    "i386, setjmp",
    "i386, sieve",
    "i386, smap",
    "i386, taskswitch",
    "i386, tsc",
    "i386, umip",
    "x86_64, eventinj",
    "x86_64, idt_test",
    "x86_64, memory",
    "x86_64, realmode",
    "x86_64, rmap_chain",
    "x86_64, setjmp",
    "x86_64, sieve",
    "x86_64, smap",
    "x86_64, syscall",
    "x86_64, tsc",
    "x86_64, umip",
    "x86_64, xsave"
  })
  void everyCasePasses(String width, String name) throws Exception {
    String suite = System.getProperty("satchel.kvmUnitTests", "");
    assumeTrue(!suite.isEmpty(), "needs kvm-unit-tests, built: -Dsatchel.kvmUnitTests=FOLDER");
    Path program = Path.of(suite, width, "x86", name + ".flat");
    if (Files.notExists(program)) {
      program = Path.of(suite, width, "x86", name + ".elf");
    }
    StringBuffer text = new StringBuffer();
    CompletableFuture<MachineEvents.End> end = new CompletableFuture<>();
    try (PcMachine machine = machine(program, text, end)) {
      machine.start();
      MachineEvents.End how = end.get(SECONDS, TimeUnit.SECONDS);
      long passed = text.toString().lines().filter(line -> line.startsWith("PASS")).count();
      System.out.printf("kvm-unit-tests %s %s: %d cases passed%n", width, name, passed);
      assertThat(text.toString().lines()).noneMatch(line -> line.startsWith("FAIL"));
      assertThat(how.status() >> 1).as(text.toString()).isZero();
    } catch (TimeoutException e) {
      throw new AssertionError("still running after " + SECONDS + " s: " + text, e);
    }
  }

  private PcMachine machine(
      Path program, StringBuffer text, CompletableFuture<MachineEvents.End> end)
      throws IOException {
    // What QEMU's configuration device would say.
    Path environment = folder.resolve("environment");
    Files.writeString(
        environment, "NR_CPUS=1\nMEMSIZE=%d\nMEMLIMIT=1024\nTEST_DEVICE=0\n".formatted(MEMORY_MIB));
    MachineConfig config =
        MachineConfig.standard()
            .withMemoryMib(MEMORY_MIB)
            .withClock(Clock.INSTRUCTIONS)
            .withCpuModel("max")
            .withExitPort(true)
            .withKernel(new Kernel(program, "", environment));
    PcMachine machine =
        new PcMachine(
            config,
            new MachineEvents() {
              @Override
              public void ended(End how) {
                end.complete(how);
              }

              @Override
              public void serial(int value) {
                text.append((char) value);
              }
            });
    machine
        .board()
        .memory()
        .mapDevice(TEST_MEMORY, TEST_MEMORY_SIZE, "test memory", new TestMemory());
    return machine;
  }

  /** Bytes that only device accesses reach. */
  private static final class TestMemory implements IoHandler {
    private final byte[] bytes = new byte[TEST_MEMORY_SIZE];

    @Override
    public int read(int offset, int width) {
      int value = 0;
      for (int n = 0; n < width; n++) {
        value |= (bytes[offset + n] & 0xFF) << 8 * n;
      }
      return value;
    }

    @Override
    public void write(int offset, int width, int value) {
      for (int n = 0; n < width; n++) {
        bytes[offset + n] = (byte) (value >>> 8 * n);
      }
    }
  }
}
