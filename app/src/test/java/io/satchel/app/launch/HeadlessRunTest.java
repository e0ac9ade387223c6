package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.demo.BootSectors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code satchel run --headless} from its arguments to its exit status. */
@Timeout(120)
class HeadlessRunTest {

  @TempDir private Path folder;

  private static CommandLineRun run(Object... arguments) {
    List<String> all = new ArrayList<>(List.of("run", "--headless", "--timeout", "60"));
    for (Object argument : arguments) {
      all.add(argument.toString());
    }
    return CommandLineRun.of(all.toArray(String[]::new));
  }

  private Path demo() throws IOException {
    return BootSectors.demonstration(folder.resolve("demo.qcow2"));
  }

  private Path echo() throws IOException {
    return BootSectors.disk(folder.resolve("echo.img"), BootSectors.ECHO);
  }

  @Test
  void theDemonstrationShowsItsTextAndAnswersAKey() throws IOException {
    Path text = folder.resolve("text.png");
    Path picture = folder.resolve("picture.png");
    CommandLineRun run =
        run(
            demo(),
            "--expect",
            "Satchel demonstration machine",
            "--screenshot",
            text,
            "--type",
            "g",
            "--wait",
            "0.5",
            "--screenshot",
            picture);
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(ImageIO.read(text.toFile()).getWidth()).isEqualTo(720);
    assertThat(ImageIO.read(picture.toFile()).getWidth()).isEqualTo(320);
  }

  @Test
  void theImageIsNotWrittenTo() throws IOException {
    Path image = BootSectors.disk(folder.resolve("writer.img"), BootSectors.WRITER);
    byte[] before = Files.readAllBytes(image);
    assertThat(run(image, "--expect", "NW").status()).isZero();
    assertThat(run(image, "--expect", "NW").status()).as("thrown away").isZero();
    assertThat(Files.readAllBytes(image)).isEqualTo(before);
    Path overlay = folder.resolve("kept.qcow2");
    assertThat(run(image, "--overlay", overlay, "--expect", "NW").status()).isZero();
    assertThat(run(image, "--overlay", overlay, "--expect", "KW").status()).as("kept").isZero();
    assertThat(Files.readAllBytes(image)).isEqualTo(before);
    assertThat(run(image, "--write", "--expect", "NW").status()).isZero();
    assertThat(Files.readAllBytes(image)[512]).isEqualTo((byte) 'X');
  }

  @Test
  void whatIsTypedArrivesAndTheGuestEndsTheRun() throws IOException {
    Path debug = folder.resolve("debug.txt");
    CommandLineRun run =
        run(
            echo(),
            "--exit-port",
            "--debugcon",
            debug,
            "--serial",
            "stdio",
            "--expect",
            "~",
            "--type",
            "Hello, [World] 50%!\\n",
            "--wait",
            "30");
    assertThat(run.status()).as("value 5 << 1 | 1").isEqualTo(11);
    assertThat(Files.readString(debug)).isEqualTo("Hello, [World] 50%!\r");
    assertThat(run.out()).isEqualTo("Hello, [World] 50%!\r");
  }

  @Test
  void textOnTheSerialPortIsExpectedToo() throws IOException {
    assertThat(run(echo(), "--expect", "~", "--type", "marker", "--expect", "marker").status())
        .isZero();
  }

  @Test
  void aTimeoutSaysWhatWasWaitedForAndWhatTheScreenShowed() throws IOException {
    CommandLineRun run =
        CommandLineRun.of(
            "run", demo().toString(), "--headless", "--timeout", "3", "--expect", "login:");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err())
        .contains("gave up after 3 s, waiting for \"login:\"")
        .contains("Satchel demonstration machine");
  }

  @Test
  void aCrashIsReportedWithItsPlace() throws IOException {
    Path image = BootSectors.disk(folder.resolve("crash.img"), BootSectors.CRASH);
    CommandLineRun run = run(image, "--expect", "never");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err()).contains("crashed").containsPattern("0000:00007c[0-9a-f]{2}");
  }

  @Test
  void aTimedPictureIsTakenBeforeTheRunEnds() throws IOException {
    Path shot = folder.resolve("shot.png");
    CommandLineRun run =
        run(demo(), "--clock", "instructions", "--screenshot", shot, "--at", "1.5");
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(shot).isNotEmptyFile();
  }

  @Test
  void aHeldMachineExecutesSoManyInstructionsInItsOwnSecond() throws IOException {
    Path spin = BootSectors.disk(folder.resolve("spin.img"), "spin: jmp spin\n");
    CommandLineRun run = run(spin, "--clock", "instructions", "--speed", "386", "--wait", "2");
    assertThat(run.status()).as(run.err()).isZero();
    double instructions = Double.parseDouble(run.err().replaceAll("(?s).*?([0-9]+) instr.*", "$1"));
    double seconds = Double.parseDouble(run.err().replaceAll("(?s).*, (.*) s of the.*", "$1"));
    assertThat(instructions / seconds).isCloseTo(8e6, Percentage.withPercentage(2));
    CommandLineRun unknown = run(spin, "--speed", "286");
    assertThat(unknown.status()).isEqualTo(2);
    assertThat(unknown.err()).contains("386, 486, pentium or full");
  }

  @Test
  void theTraceSaysWhatTheTimeWentTo() throws IOException {
    Path spin = BootSectors.disk(folder.resolve("spin.img"), "spin: add ax, 1\n jmp spin\n");
    CommandLineRun run = run(spin, "--wait", "1", "--trace", "translate");
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(run.err())
        .contains("translate: In translated code: ", "translate: regions ")
        .containsPattern("translate: Of them in translated code: [1-9]");
  }

  @Test
  void theInstructionClockRepeatsARun() throws IOException {
    Path image = demo();
    String first = instructions(image, folder.resolve("1.png"));
    assertThat(instructions(image, folder.resolve("2.png"))).isEqualTo(first);
    assertThat(folder.resolve("1.png")).hasSameBinaryContentAs(folder.resolve("2.png"));
  }

  private String instructions(Path image, Path shot) {
    CommandLineRun run =
        run(
            image,
            "--clock",
            "instructions",
            "--date",
            "1999-12-31T23:59:50",
            "--expect",
            "Satchel demonstration machine",
            "--type",
            "g",
            "--wait",
            "0.3",
            "--screenshot",
            shot);
    assertThat(run.status()).as(run.err()).isZero();
    return run.err().replaceAll(".*?, (.*instructions).*", "$1").strip();
  }

  @Test
  void helpNamesTheSteps() {
    CommandLineRun help = CommandLineRun.of("run", "--help");
    assertThat(help.status()).isZero();
    assertThat(help.out()).contains("--expect", "--screenshot", "--exit-port", "Exit status");
    assertThat(CommandLineRun.of("--version").out()).contains("Satchel");
    assertThat(CommandLineRun.of("--help").out()).contains("satchel img");
  }
}
