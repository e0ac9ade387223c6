package io.satchel.app.settings;

import io.satchel.app.common.AppSettings;
import io.satchel.app.common.Choices;
import io.satchel.app.common.Controls;
import io.satchel.app.common.Page;
import io.satchel.app.library.DataFolder;
import io.satchel.app.library.Desktop;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Function;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;

/** What a person chooses for the whole program: colours and language; and where things are kept. */
public final class PreferencesPage extends Page {

  private AppSettings settings;

  public PreferencesPage(
      Desktop desktop,
      DataFolder data,
      AppSettings present,
      Consumer<AppSettings> chosen,
      Runnable back) {
    super(desktop.texts(), desktop.texts().get("preferences.title"), back);
    setId("preferences-page");
    settings = present;
    ComboBox<AppSettings.Choice> theme =
        combo("theme", AppSettings.Choice.values(), each -> "theme." + lower(each));
    theme.setValue(present.theme());
    ComboBox<AppSettings.Language> language =
        combo("language", AppSettings.Language.values(), each -> "language." + lower(each));
    language.setValue(present.language());
    theme
        .valueProperty()
        .addListener(
            (_, _, now) -> {
              settings = settings.withTheme(now);
              chosen.accept(settings);
            });
    language
        .valueProperty()
        .addListener(
            (_, _, now) -> {
              settings = settings.withLanguage(now);
              chosen.accept(settings);
            });
    Label where = Controls.paragraph(data.path().toString());
    where.getStyleClass().add("mono");
    add(
        controls.field("preferences.theme", theme),
        controls.field("preferences.language", language),
        controls.text(data.portable() ? "preferences.portable" : "preferences.folder"),
        where,
        controls.help("preferences.network"));
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  private <T> ComboBox<T> combo(String id, T[] values, Function<T, String> key) {
    return Choices.of(id, List.of(values), each -> texts.get(key.apply(each)));
  }
}
