package io.satchel.vm.machine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.vm.Conformance;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Kernel;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.device.Piix3;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs kvm-unit-tests for x86 on the whole machine. Each is a multiboot kernel that prints PASS and
 * FAIL on the serial line and ends by port F4h, with 0 when all went well.
 *
 * <p>Give a folder as {@code -Dsatchel.suites=FOLDER} with two builds of the suite in it, {@code
 * kvm-unit-tests/i386} and {@code kvm-unit-tests/x86_64}: each {@code ./configure --arch=ARCH &&
 * make}. How each test is started stands in the suite's own {@code x86/unittests.cfg}. The list
 * {@link #FLOOR} has every test that QEMU 7.2 passes without hardware help; those are to pass here.
 * {@link #BEYOND} is run for the table only.
 */
@Tag("conformance")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KvmUnitTests {

  private static final int SECONDS = Integer.getInteger("satchel.kvmSeconds", 240);
  private static final int MEMORY_MIB = 256;

  /** The page of memory that the suite expects of its test device. */
  private static final long TEST_MEMORY = 0xFF00_0000L;

  private static final int TEST_MEMORY_SIZE = 0x1_0000;
  private static final int TEST_PORT = 0xE0;

  /** Ports by which the suite drives the interrupt lines 0 to 15. */
  private static final int TEST_LINES = 0x2000;

  /** What both widths have. */
  private static final String COMMON =
      "smptest smptest3 vmexit_cpuid vmexit_mov_from_cr8 vmexit_mov_to_cr8 vmexit_inl_pmtimer"
          + " vmexit_ipi vmexit_ipi_halt vmexit_ple_round_robin vmexit_tscdeadline"
          + " vmexit_tscdeadline_immed vmexit_cr0_wp vmexit_cr4_pge smap eventinj realmode setjmp"
          + " sieve tsc umip";

  private static final Map<String, String> FLOOR =
      Map.of(
          "i386", COMMON + " cmpxchg8b emulator taskswitch la57",
          "x86_64", COMMON + " pku pks memory syscall xsave rmap_chain");

  private static final Map<String, String> BEYOND =
      Map.of(
          "i386",
          "msr taskswitch2 tsc_adjust",
          "x86_64",
          "x2apic xapic ioapic access emulator idt_test msr debug pcid-enabled pcid-disabled"
              + " tsc_adjust la57 rdpru");

  /** What the suite needs and the processor does not have, nor say that it has. */
  private static final Map<String, String> WITHOUT =
      Map.of(
          "pku", "protection keys are not there, and CPUID says so",
          "pks", "protection keys are not there, and CPUID says so",
          "la57", "paging with five levels is not there, and CPUID says so",
          "rdpru", "RDPRU is AMD's, and CPUID says that it is not there");

  @TempDir Path folder;

  private final Map<String, List<String>> reasons = new TreeMap<>();
  private final Map<String, int[]> counts = new TreeMap<>();

  @TestFactory
  Stream<DynamicTest> everyTestThatQemuPassesPassesHere() {
    return tests(FLOOR, true);
  }

  @TestFactory
  Stream<DynamicTest> othersAreListedWithWhatFails() {
    return tests(BEYOND, false);
  }

  private Stream<DynamicTest> tests(Map<String, String> lists, boolean must) {
    String suites = System.getProperty("satchel.suites", "");
    Path suite = Path.of(suites, "kvm-unit-tests");
    assumeTrue(
        !suites.isEmpty() && Files.isDirectory(suite),
        "needs kvm-unit-tests, built: -Dsatchel.suites=FOLDER with kvm-unit-tests in it");
    Pattern only = Pattern.compile(System.getProperty("satchel.test", ""));
    return lists.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .flatMap(
            list ->
                Stream.of(list.getValue().split(" "))
                    .filter(name -> only.matcher(list.getKey() + " " + name).find())
                    .map(
                        name ->
                            DynamicTest.dynamicTest(
                                list.getKey() + " " + name,
                                () -> run(suite, list.getKey(), name, must))));
  }

  /** A section of unittests.cfg. */
  private record Entry(String file, int processors, String arguments) {

    static Entry of(Path build, String name) throws IOException {
      Path file = build.resolve("x86").resolve("unittests.cfg");
      boolean inside = false;
      Map<String, String> values = new TreeMap<>();
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith("[")) {
          inside = line.strip().equals("[" + name + "]");
        } else if (inside && line.contains("=") && !line.startsWith("#")) {
          int equals = line.indexOf('=');
          values.put(line.substring(0, equals).strip(), line.substring(equals + 1).strip());
        }
      }
      String arguments = values.getOrDefault("test_args", "").replaceAll("^['\"]|['\"]$", "");
      // Tests that are not started by default have no section.
      return new Entry(
          values.getOrDefault("file", name + ".flat"),
          Integer.parseInt(values.getOrDefault("smp", "1")),
          arguments);
    }
  }

  private void run(Path suite, String width, String name, boolean must) throws Exception {
    Path build = suite.resolve(width);
    Entry entry = Entry.of(build, name);
    Path program = build.resolve("x86").resolve(entry.file);
    int[] count = counts.computeIfAbsent(table(width, must), key -> new int[2]);
    List<String> failed = reasons.computeIfAbsent(table(width, must), key -> new ArrayList<>());
    count[0]++;
    if (WITHOUT.containsKey(name)) {
      failed.add(name + ": " + WITHOUT.get(name));
      assumeTrue(false, WITHOUT.get(name));
    }
    StringBuffer text = new StringBuffer();
    CompletableFuture<MachineEvents.End> end = new CompletableFuture<>();
    String wrong;
    try (PcMachine machine = machine(program, entry, text, end)) {
      machine.start();
      int status = end.get(SECONDS, TimeUnit.SECONDS).status() >> 1;
      wrong = failures(text.toString());
      if (wrong.isEmpty() && status != 0) {
        wrong = "ended with status " + status;
      }
    } catch (TimeoutException _) {
      String failures = failures(text.toString());
      wrong = "still running after " + SECONDS + " s" + (failures.isEmpty() ? "" : ", " + failures);
    }
    if (wrong.isEmpty()) {
      count[1]++;
    } else {
      failed.add(name + ": " + wrong);
      if (must) {
        throw new AssertionError(wrong + "\n" + text);
      }
    }
  }

  private static String table(String width, boolean must) {
    return "kvm-unit-tests " + width + (must ? ", files that QEMU passes" : ", other files");
  }

  private static String failures(String text) {
    List<String> lines = text.lines().filter(line -> line.startsWith("FAIL")).toList();
    return lines.isEmpty()
        ? ""
        : lines.size()
            + " cases fail, such as "
            + lines.getFirst().strip().replaceFirst("^FAIL: ", "");
  }

  @AfterAll
  void report() {
    counts.forEach(
        (table, count) -> Conformance.report(table, count[0], count[1], reasons.get(table)));
  }

  private PcMachine machine(
      Path program, Entry entry, StringBuffer text, CompletableFuture<MachineEvents.End> end)
      throws IOException {
    // What QEMU's configuration device would say.
    Path environment = folder.resolve("environment");
    Files.writeString(
        environment,
        "NR_CPUS=%d\nMEMSIZE=%d\nMEMLIMIT=1024\nTEST_DEVICE=0\n"
            .formatted(entry.processors, MEMORY_MIB));
    MachineConfig config =
        MachineConfig.standard()
            .withMemoryMib(MEMORY_MIB)
            .withClock(Clock.INSTRUCTIONS)
            .withCpuModel("max")
            .withExitPort(true)
            .withProcessors(entry.processors)
            .withKernel(
                new Kernel(program, (program + " " + entry.arguments).strip(), environment));
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
    machine.board().ports().map(TEST_PORT, 4, 7, "test port", new TestMemory());
    Piix3 bridge =
        machine.devices().stream()
            .filter(Piix3.class::isInstance)
            .map(Piix3.class::cast)
            .findFirst()
            .orElseThrow();
    machine.board().ports().map(TEST_LINES, 16, 1, "test lines", new TestLines(bridge));
    return machine;
  }

  /** Interrupt lines, each with a port that sets its level. */
  private record TestLines(Piix3 bridge) implements IoHandler {
    @Override
    public int read(int offset, int width) {
      return 0;
    }

    @Override
    public void write(int offset, int width, int value) {
      bridge.isa(offset).set(value != 0);
    }
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
