package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.host.Key;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** IBM PS/2 Hardware Interface Technical Reference: controller, keyboard, mouse. */
class I8042Tests {

  private final TestBoard rig = new TestBoard();
  private final TestBoard.Probe irq1 = new TestBoard.Probe();
  private final TestBoard.Probe irq12 = new TestBoard.Probe();
  private final TestBoard.Probe a20 = new TestBoard.Probe();
  private int resets;
  private final I8042 chip = new I8042(rig.board, irq1, irq12, a20, () -> resets++);

  private void command(int value) {
    rig.out(0x64, value);
  }

  private void command(int value, int parameter) {
    rig.out(0x64, value);
    rig.out(0x60, parameter);
  }

  /** All bytes that come within a short time, in hex. */
  private String read() {
    StringBuilder bytes = new StringBuilder();
    for (int waited = 0; waited < 12; waited++) {
      rig.advance(1_000_000);
      while ((rig.in(0x64) & 1) != 0) {
        bytes.append(bytes.isEmpty() ? "" : " ").append("%02x".formatted(rig.in(0x60)));
        waited = 0;
      }
    }
    return bytes.toString();
  }

  private String keyboard(int... values) {
    for (int value : values) {
      rig.out(0x60, value);
    }
    return read();
  }

  private String mouse(int... values) {
    StringBuilder answers = new StringBuilder();
    for (int value : values) {
      command(0xD4, value);
      answers.append(answers.isEmpty() ? "" : " ").append(read());
    }
    return answers.toString();
  }

  private String press(Key key) {
    chip.key(key, true);
    return read();
  }

  private String release(Key key) {
    chip.key(key, false);
    return read();
  }

  private void translate(boolean on) {
    command(0x60, on ? 0x41 : 0x01);
  }

  @Test
  void theSelfTestPassesAndSetsSys() {
    command(0xAA);
    assertThat(rig.in(0x60)).isEqualTo(0x55);
    assertThat(rig.in(0x64) & 4).isNotZero();
    command(0xAB);
    assertThat(rig.in(0x60)).isZero();
    command(0xA9);
    assertThat(rig.in(0x60)).isZero();
  }

  @Test
  void theCommandByteAndTheRamReadBack() {
    command(0x60, 0x65);
    command(0x20);
    assertThat(rig.in(0x60)).isEqualTo(0x65);
    command(0x7F, 0xA5);
    command(0x3F);
    assertThat(rig.in(0x60)).isEqualTo(0xA5);
  }

  @Test
  void disablingShowsInTheCommandByte() {
    command(0xAD);
    command(0xA7);
    command(0x20);
    assertThat(rig.in(0x60) & 0x30).isEqualTo(0x30);
    command(0xAE);
    command(0xA8);
    command(0x20);
    assertThat(rig.in(0x60) & 0x30).isZero();
  }

  @Test
  void aDisabledKeyboardKeepsItsCodes() {
    command(0xAD);
    chip.key(Key.KEY_A, true);
    assertThat(read()).isEmpty();
    command(0xAE);
    assertThat(read()).isEqualTo("1e");
  }

  @Test
  void theOutputPortDrivesA20AndReset() {
    assertThat(a20.level).isTrue();
    command(0xD1, 0xDD);
    assertThat(a20.level).isFalse();
    command(0xD0);
    assertThat(rig.in(0x60) & 3).isEqualTo(1);
    command(0xDF);
    assertThat(a20.level).isTrue();
    command(0xDD);
    assertThat(a20.level).isFalse();
    command(0xD1, 0xDE);
    assertThat(resets).isEqualTo(1);
    command(0xFE);
    assertThat(resets).isEqualTo(2);
    command(0xFF);
    assertThat(resets).isEqualTo(2);
  }

  @Test
  void bytesCanBePutIntoTheOutputBufferOfEither() {
    command(0x60, 0x43);
    command(0xD2, 0x77);
    assertThat(irq1.level).isTrue();
    assertThat(rig.in(0x64) & 0x21).isEqualTo(1);
    assertThat(rig.in(0x60)).isEqualTo(0x77);
    command(0xD3, 0x66);
    assertThat(irq12.level).isTrue();
    assertThat(irq1.level).isFalse();
    assertThat(rig.in(0x64) & 0x21).isEqualTo(0x21);
    assertThat(rig.in(0x60)).isEqualTo(0x66);
    assertThat(irq12.level).isFalse();
  }

  @Test
  void theInterruptFollowsTheBufferAndDataRepeatsUntilTheNextByte() {
    chip.key(Key.KEY_A, true);
    chip.key(Key.KEY_A, false);
    rig.advance(700_000);
    assertThat(irq1.level).isTrue();
    assertThat(rig.in(0x60)).isEqualTo(0x1E);
    assertThat(irq1.level).isFalse();
    assertThat(rig.in(0x60)).as("a chained handler reads it again").isEqualTo(0x1E);
    rig.advance(700_000);
    assertThat(irq1.rises).isEqualTo(2);
    assertThat(rig.in(0x60)).isEqualTo(0x9E);
  }

  @Test
  void keyboardCommandsAnswerAsTheManualSays() {
    translate(false);
    assertThat(keyboard(0xFF)).isEqualTo("fa aa");
    assertThat(keyboard(0xF2)).isEqualTo("fa ab 83");
    assertThat(keyboard(0xEE)).isEqualTo("ee");
    assertThat(keyboard(0xED)).isEqualTo("fa");
    assertThat(keyboard(0x05)).isEqualTo("fa");
    assertThat(chip.leds()).isEqualTo(5);
    assertThat(keyboard(0xF3)).isEqualTo("fa");
    assertThat(keyboard(0x00)).isEqualTo("fa");
    assertThat(keyboard(0xF0)).isEqualTo("fa");
    assertThat(keyboard(0x00)).isEqualTo("fa 02");
    assertThat(keyboard(0xF6)).isEqualTo("fa");
    assertThat(keyboard(0xFE)).isEqualTo("fa");
    assertThat(keyboard(0xEF)).isEqualTo("fe");
  }

  @Test
  void identifyIsTranslatedToo() {
    assertThat(keyboard(0xF2)).isEqualTo("fa ab 41");
  }

  @Test
  void f5StopsScanningAndF4StartsIt() {
    assertThat(keyboard(0xF5)).isEqualTo("fa");
    assertThat(press(Key.KEY_B)).isEmpty();
    release(Key.KEY_B);
    assertThat(keyboard(0xF4)).isEqualTo("fa");
    assertThat(press(Key.KEY_B)).isEqualTo("30");
  }

  @ParameterizedTest
  @CsvSource({
    "KEY_A, 1e, 9e, 1c, f0 1c",
    "F7, 41, c1, 83, f0 83",
    "F12, 58, d8, 07, f0 07",
    "ARROW_UP, e0 48, e0 c8, e0 75, e0 f0 75",
    "NUMPAD_ENTER, e0 1c, e0 9c, e0 5a, e0 f0 5a",
    "PRINT_SCREEN, e0 2a e0 37, e0 b7 e0 aa, e0 12 e0 7c, e0 f0 7c e0 f0 12",
    "META_LEFT, e0 5b, e0 db, e0 1f, e0 f0 1f"
  })
  void keysSendTheirCodesInBothSets(
      Key key, String make1, String break1, String make2, String break2) {
    assertThat(press(key)).isEqualTo(make1);
    assertThat(release(key)).isEqualTo(break1);
    translate(false);
    assertThat(press(key)).isEqualTo(make2);
    assertThat(release(key)).isEqualTo(break2);
    keyboard(0xF0);
    keyboard(0x01);
    assertThat(press(key)).isEqualTo(make1);
    assertThat(release(key)).isEqualTo(break1);
  }

  @ParameterizedTest
  @EnumSource(Key.class)
  void translationGivesWhatSet1Would(Key key) {
    String make = press(key);
    String breaks = release(key);
    translate(false);
    keyboard(0xF0);
    keyboard(0x01);
    assertThat(make).isEqualTo(press(key));
    assertThat(breaks).isEqualTo(release(key));
  }

  @Test
  void pauseHasNoBreakAndControlPauseIsBreak() {
    assertThat(press(Key.PAUSE)).isEqualTo("e1 1d 45 e1 9d c5");
    assertThat(release(Key.PAUSE)).isEmpty();
    press(Key.CONTROL_LEFT);
    assertThat(press(Key.PAUSE)).isEqualTo("e0 46 e0 c6");
    release(Key.PAUSE);
    release(Key.CONTROL_LEFT);
    translate(false);
    assertThat(press(Key.PAUSE)).isEqualTo("e1 14 77 e1 f0 14 f0 77");
  }

  @Test
  void printScreenWithAltIsSysRqAndWithControlLosesItsShift() {
    press(Key.ALT_LEFT);
    assertThat(press(Key.PRINT_SCREEN)).isEqualTo("54");
    assertThat(release(Key.PRINT_SCREEN)).isEqualTo("d4");
    release(Key.ALT_LEFT);
    press(Key.CONTROL_LEFT);
    assertThat(press(Key.PRINT_SCREEN)).isEqualTo("e0 37");
  }

  @Test
  void aHeldKeyRepeatsAtTheTypematicRate() {
    keyboard(0xF3);
    keyboard(0x00);
    chip.key(Key.KEY_X, true);
    chip.key(Key.KEY_X, true);
    int codes = 0;
    for (int i = 0; i < 1250; i++) {
      rig.advance(1_000_000);
      if ((rig.in(0x64) & 1) != 0) {
        rig.in(0x60);
        codes++;
      }
    }
    assertThat(codes).as("at once, after 250 ms, then 30 a second").isBetween(29, 33);
    assertThat(release(Key.KEY_X)).endsWith("ad");
    rig.advance(1_000_000_000);
    assertThat(read()).isEmpty();
  }

  @Test
  void aKeyThatIsNotReadDoesNotPileUp() {
    chip.key(Key.KEY_X, true);
    rig.advance(5_000_000_000L);
    chip.key(Key.KEY_X, false);
    assertThat(read()).isEqualTo("2d 2d ad");
  }

  @Test
  void aFullQueueEndsWithTheOverrunCode() {
    translate(false);
    for (int i = 0; i < 12; i++) {
      chip.key(Key.KEY_A, true);
      chip.key(Key.KEY_A, false);
    }
    assertThat(read()).startsWith("1c f0 1c").endsWith(" 00").hasSizeLessThanOrEqualTo(17 * 3);
  }

  @Test
  void theMouseResetsAndIdentifies() {
    assertThat(mouse(0xFF)).isEqualTo("fa aa 00");
    assertThat(mouse(0xF2)).isEqualTo("fa 00");
    assertThat(mouse(0xE9)).isEqualTo("fa 00 02 64");
    assertThat(mouse(0xE8, 3, 0xF3, 40, 0xE7, 0xF4)).isEqualTo("fa fa fa fa fa fa");
    assertThat(mouse(0xE9)).isEqualTo("fa 30 03 28");
    assertThat(mouse(0xF6, 0xE9)).isEqualTo("fa fa 00 02 64");
    assertThat(mouse(0xE1)).isEqualTo("fe");
  }

  @Test
  void movementIsAThreeBytePacketWithYUpwards() {
    mouse(0xF4);
    chip.pointer(5, 3, 0, 1);
    assertThat(read()).isEqualTo("29 05 fd");
    chip.pointer(-2, -7, 0, 6);
    assertThat(read()).isEqualTo("1e fe 07");
  }

  @Test
  void whatDoesNotFitOnePacketFollows() {
    mouse(0xF4);
    chip.pointer(300, 0, 0, 0);
    assertThat(read()).isEqualTo("08 ff 00 08 2d 00");
  }

  @Test
  void packetsKeepToTheSampleRateAndGatherMovement() {
    mouse(0xF4, 0xF3, 20);
    chip.pointer(1, 0, 0, 0);
    rig.advance(5_000_000);
    chip.pointer(1, 0, 0, 0);
    chip.pointer(1, 0, 0, 0);
    String first = "";
    for (int i = 0; i < 30; i++) {
      rig.advance(1_000_000);
      if ((rig.in(0x64) & 1) != 0) {
        first += "%02x".formatted(rig.in(0x60));
      }
    }
    assertThat(first).isEqualTo("080100");
    rig.advance(30_000_000);
    assertThat(read()).isEqualTo("08 02 00");
  }

  @Test
  void theWheelKnockChangesTheIdAndThePacket() {
    mouse(0xF3, 200, 0xF3, 100, 0xF3, 80);
    assertThat(mouse(0xF2)).isEqualTo("fa 03");
    mouse(0xF4);
    chip.pointer(0, 0, -1, 0);
    assertThat(read()).isEqualTo("08 00 00 ff");
  }

  @Test
  void theFiveButtonKnockAddsTheSideButtons() {
    mouse(0xF3, 200, 0xF3, 100, 0xF3, 80, 0xF3, 200, 0xF3, 200, 0xF3, 80);
    assertThat(mouse(0xF2)).isEqualTo("fa 04");
    mouse(0xF4);
    chip.pointer(0, 0, 1, 0x10);
    assertThat(read()).isEqualTo("08 00 00 21");
  }

  @Test
  void remoteModeReportsWhenAsked() {
    mouse(0xF0);
    chip.pointer(1, 0, 0, 0);
    assertThat(read()).isEmpty();
    assertThat(mouse(0xEB)).isEqualTo("fa 08 01 00");
  }

  @Test
  void wrapModeEchoes() {
    mouse(0xEE);
    assertThat(mouse(0xF2)).isEqualTo("f2");
    assertThat(mouse(0xEC)).isEqualTo("fa");
    assertThat(mouse(0xF2)).isEqualTo("fa 00");
  }

  @Test
  void aMouseThatDoesNotReportIsSilent() {
    chip.pointer(9, 9, 0, 1);
    assertThat(read()).isEmpty();
  }
}
