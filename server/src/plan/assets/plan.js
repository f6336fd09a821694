'use strict';
(function () {
  var root = document.documentElement;
  function show(lang) {
    root.dataset.lang = lang;
    root.lang = lang === 'zh' ? 'zh-CN' : 'en';
    document.querySelectorAll('button[data-set]').forEach(function (b) {
      b.setAttribute('aria-pressed', String(b.dataset.set === lang));
    });
  }
  document.querySelectorAll('button[data-set]').forEach(function (b) {
    b.addEventListener('click', function () { show(b.dataset.set); });
  });
  var asked = new URLSearchParams(location.search).get('lang');
  var own = (navigator.language || 'zh').toLowerCase().indexOf('zh') === 0 ? 'zh' : 'en';
  show(asked === 'zh' || asked === 'en' ? asked : own);
}());
