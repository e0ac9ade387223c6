package io.satchel.app.preset;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.library.MachineFile;
import io.satchel.app.wizard.CreateWizard;
import io.satchel.resources.Texts;
import java.util.HashSet;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every preset promises. */
class PresetsTest {

  private final Presets presets = Presets.load();

  @Test
  void whatElseCouldBeTriedHasOtherHardwareEachTime() {
    Presets presets = Presets.load();
    Preset unknown = presets.orUnknown(null);
    assertThat(presets.others(unknown)).hasSizeGreaterThan(3).doesNotContain(unknown);
    assertThat(presets.others(unknown))
        .extracting(each -> each.memoryMib() + each.processor())
        .doesNotHaveDuplicates()
        .doesNotContain(unknown.memoryMib() + unknown.processor());
    Preset tried = presets.others(unknown).getFirst();
    assertThat(presets.others(tried)).doesNotContain(tried);
  }

  @Test
  void everyPresetSuitsTheMachineAndSpeaksBothLanguages() {
    assertThat(presets.all()).hasSizeGreaterThan(15);
    assertThat(new HashSet<>(presets.all().stream().map(Preset::id).toList()))
        .hasSameSizeAs(presets.all());
    for (Preset preset : presets.all()) {
      assertThat(preset.memoryMib())
          .as(preset.id())
          .isBetween(1, Math.min(preset.memoryMaxMib(), MachineFile.MAX_MEMORY_MIB));
      assertThat(CreateWizard.PROCESSORS).as(preset.id()).contains(preset.processor());
      assertThat(preset.diskGb()).as(preset.id()).isBetween(0.1, preset.diskMaxGb());
      assertThat(preset.bootOrder()).as(preset.id()).hasSize(3).doesNotHaveDuplicates();
      for (String language : new String[] {"en", "zh"}) {
        assertThat(preset.name()).as(preset.id()).containsKey(language);
        assertThat(preset.advice().get(language)).as(preset.id()).isNotBlank();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ms-dos",
        "freedos",
        "windows-3.1",
        "windows-95",
        "windows-98",
        "windows-me",
        "windows-nt",
        "windows-2000",
        "windows-xp",
        "windows-xp-x64",
        "windows-2003",
        "windows-7",
        "windows-7-x64",
        "windows-10",
        "windows-11",
        "linux-2.4",
        "linux-2.6",
        "linux",
        "bsd",
        "haiku",
        "reactos"
      })
  void whatTheInspectorNamesIsThere(String id) {
    assertThat(presets.find(id)).isPresent();
  }

  @Test
  void anUnknownIdGetsTheMiddleOfTheRoad() {
    assertThat(presets.orUnknown("no-such-system").id()).isEqualTo(Presets.UNKNOWN);
    assertThat(presets.orUnknown(null).id()).isEqualTo(Presets.UNKNOWN);
    assertThat(presets.orUnknown("windows-98").title(new Texts(Locale.ENGLISH)))
        .isEqualTo("Windows 98");
  }
}
