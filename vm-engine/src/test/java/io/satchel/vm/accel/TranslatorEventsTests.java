package io.satchel.vm.accel;

import static io.satchel.vm.cpu.CpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the translator tells Java Flight Recorder, as a recording has it. */
class TranslatorEventsTests {

  private static final int START = 0x1000;

  @TempDir private Path folder;

  private final BareMetal machine = new BareMetal(1 << 20, 4);

  private void run(String code) {
    machine.code(START, code + " F4");
    machine.cpu.gpr[RSP] = 0x8000;
    machine.cpu.rip = START;
    machine.tcg.run(1_000_000);
  }

  private List<RecordedEvent> recorded(String name, Runnable work) throws Exception {
    Path file = folder.resolve("recording.jfr");
    try (Recording recording = new Recording()) {
      recording.enable("io.satchel." + name).withoutThreshold();
      recording.start();
      work.run();
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events =
        RecordingFile.readAllEvents(file).stream()
            .filter(event -> event.getEventType().getName().equals("io.satchel." + name))
            .toList();
    assertThat(events).isNotEmpty();
    return events;
  }

  @Test
  void aTranslationSaysWhereHowMuchAndHowLong() throws Exception {
    // mov ecx,1000; l: add eax,ecx; dec ecx; jnz l
    RecordedEvent event =
        recorded("RegionTranslated", () -> run("B9 E8030000 01C8 49 75FB")).getFirst();
    assertThat(event.getLong("linear")).isEqualTo(START + 5);
    assertThat(event.getInt("instructions")).isEqualTo(3);
    assertThat(event.getInt("bytes")).isBetween(20, 8_000);
    assertThat(event.getDuration()).isPositive();
  }

  @Test
  void anInvalidationSaysWhereAndHowOften() throws Exception {
    // mov ecx,200; l: mov [1014h],cl; mov edx,100; m: add eax,imm8; dec edx; jnz m; dec ecx; jnz l
    List<RecordedEvent> events =
        recorded(
            "RegionInvalidated",
            () -> run("B9 C8000000 880D 12100000 BA 64000000 83C001 4A 75FA 49 75EC"));
    assertThat(events).hasSizeGreaterThan(2);
    assertThat(events.getFirst().getInt("hostPage")).isEqualTo(START >> 12);
    assertThat(events.getLast().getInt("times")).isGreaterThan(2);
  }

  @Test
  void aSiteThatKeepsLeavingItsRegionIsAnExitStorm() throws Exception {
    // mov ecx,1000; l: mov eax,[200000h], where nothing is; dec ecx; jnz l
    RecordedEvent event =
        recorded("ExitStorm", () -> run("B9 E8030000 A1 00002000 49 75F8")).getFirst();
    assertThat(event.getLong("linear")).isEqualTo(START + 5);
    assertThat(event.getInt("exits")).isPositive();
  }
}
