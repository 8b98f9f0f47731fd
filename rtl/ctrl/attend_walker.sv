// Takes the beats of attention: of each head records and keys, two heads ahead, then the values of
// the first of them.
//
// A beat of keys is used for each fold of the queries, and waits as long as the scores of the one
// before take; one of values for the levels of its chunk. Sums of values leave a set of dimensions
// and fold at a time, while those of the next are made: the beats of a set are taken again for each
// fold.
module attend_walker #(
  parameter int unsigned Lanes = 4,
  parameter int unsigned Queries = 2,
  localparam int unsigned AddressW = kv_pkg::AddressW,
  localparam int unsigned QueryW   = kv_pkg::QueryW,
  localparam int unsigned HeadsW   = ctrl_pkg::HeadsW,
  localparam int unsigned FoldsW   = ctrl_pkg::FoldsW,
  localparam int unsigned SetsW    = ctrl_pkg::SetsW
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,
  output logic                done_o,         // the last sums have left
  input  ctrl_pkg::cache_t    cache_i,
  input  logic                four_banks_i,   // of queries
  // The stream of all lanes.
  output logic                may_o,          // take a beat
  output logic                pop_o,          // with it
  output logic                mark_o,
  output logic                rewind_o,
  // What becomes of it.
  input  logic                takes_i,        // may_o and valid_i
  output rce_pkg::beat_t      beat_o,
  output logic                record_o,
  output kv_pkg::key_beat_t   key_o,
  output logic [HeadsW-1:0]   head_o,         // whose keys come
  output logic                keys_done_o,    // the last of this head
  // Heads whose queries are loaded; whose scores are offered; whose levels are there.
  input  logic                loaded_i,
  output logic                head_valid_o,
  input  logic                head_ready_i,
  output kv_pkg::head_t       head_info_o,
  input  logic                leveled_i,
  output logic                level_go_o,
  output logic                values_start_o,
  // Levels of chunks in the lanes, in the order in which they are used; sums that leave.
  input  logic                filled_i,
  output logic                freed_o,
  output logic                take_o,
  output logic [SetsW-1:0]    set_o,
  output logic [FoldsW-1:0]   fold_o,
  input  logic                collected_i
);
  localparam int unsigned SlotW     = kv_pkg::SlotW;
  localparam int unsigned LaneShift = $clog2(Lanes);
  localparam int unsigned WaitW     = QueryW + 1;
  localparam int unsigned EntryW    = 4;  // of levels, behind those of queries

  typedef enum logic [2:0] {
    StateIdle,
    StateRecords,
    StateKeys,
    StateStart,   // values begin when their levels are there
    StateValues,
    StateUnload,
    StateCollect
  } state_e;
  state_e state_q;

  // Heads: whose keys are taken; that are weighed; whose queries, levels are there; whose values
  // begin.
  logic [HeadsW-1:0] keyed_q, offered_q, loaded_q, leveled_q, started_q;
  logic              ends_head, last_head;
  logic [kv_pkg::BankW-1:0] bank;
  assign bank           = keyed_q[kv_pkg::BankW-1:0];
  assign head_o         = keyed_q;
  assign head_valid_o   = offered_q != keyed_q;
  assign level_go_o     = !leveled_i && leveled_q == started_q;
  assign values_start_o = state_q == StateStart && leveled_q != started_q;

  // Keys.
  logic [AddressW-1:0] row_q, row_place_q, address_q, row_base_q, block_q, factor_q;
  logic [FoldsW-1:0]   fold_q;
  logic [WaitW-1:0]    wait_q, n_scores;
  logic [QueryW-1:0]   first_query_q, last_query;
  logic                ends_folds, ends_rows, takes_key, takes_value;
  assign ends_folds = fold_q == cache_i.folds - 1'b1;
  assign ends_rows  = row_q == cache_i.rows - 1'b1;
  assign last_query = ends_folds ? QueryW'(cache_i.queries - 1'b1)
                                 : first_query_q + QueryW'(Queries - 1);
  assign n_scores   = (WaitW'(last_query - first_query_q) + 1'b1) << cache_i.split;
  assign takes_key  = takes_i && state_q == StateKeys;
  assign record_o   = takes_i && state_q == StateRecords;
  assign keys_done_o = takes_key && ends_folds && ends_rows;
  assign key_o = {
    takes_key, row_q[1:0], row_q == '0, ends_rows && ends_folds, cache_i.split, bank,
    first_query_q, last_query, row_place_q,
    (SlotW'(row_q) << LaneShift) << cache_i.split
  };
  assign head_info_o = {
    cache_i.rows, kv_pkg::ChunkRowsW'(cache_i.sets - 1'b1), QueryW'(cache_i.queries - 1'b1),
    cache_i.split, address_q, row_base_q, block_q, factor_q
  };

  // Values.
  logic [AddressW-1:0] chunk_q;
  logic [EntryW-1:0]   entry_q;
  logic [EntryW:0]     filled_q;
  logic [1:0]          unload_q;
  logic [1:0]          collecting_q;  // sets of sums that are taken and have not left
  logic                ends_chunks, ends_sets, is_unload, ends_unload;
  assign ends_chunks = chunk_q == cache_i.chunks - 1'b1;
  assign ends_sets   = set_o == cache_i.sets - 1'b1;
  assign takes_value = takes_i && state_q == StateValues;
  assign freed_o     = takes_value;
  assign take_o      = takes_value && ends_chunks;
  assign fold_o      = fold_q;
  assign is_unload   = state_q == StateUnload;
  assign ends_unload = is_unload && unload_q == 2'd3;
  assign rewind_o    = is_unload && unload_q == 2'd1 && !ends_folds;
  assign mark_o      = ends_folds || !(state_q == StateValues || is_unload);
  assign ends_head   = ends_unload && ends_folds && ends_sets;
  assign last_head   = started_q == cache_i.heads;
  assign done_o      = state_q == StateCollect && collected_i && collecting_q == 2'd1;

  always_comb begin
    unique case (state_q)
      StateRecords: may_o = loaded_q != keyed_q;
      StateKeys:    may_o = wait_q == '0;
      StateValues:  may_o = filled_q != '0 && !(ends_chunks && collecting_q == 2'd2);
      default:      may_o = 1'b0;
    endcase
    beat_o       = '0;
    beat_o.kind  = rce_pkg::KindNone;
    beat_o.mode  = rce_pkg::ModeKey;
    beat_o.entry = kv_pkg::query_entry(four_banks_i, bank, fold_q[1:0], row_q < cache_i.sink_rows);
    beat_o.split = cache_i.split;
    if (takes_key || takes_value) beat_o.kind = rce_pkg::KindData;
    if (state_q == StateValues || is_unload) begin
      beat_o.mode  = rce_pkg::ModeValue;
      beat_o.entry = {1'b1, entry_q};
      beat_o.start = chunk_q == '0;
      beat_o.last  = ends_chunks;
      beat_o.split = 1'b0;
    end
    if (is_unload) begin
      beat_o.kind  = rce_pkg::KindUnload;
      beat_o.beat  = unload_q;
      beat_o.start = 1'b0;
      beat_o.last  = 1'b0;
    end
  end
  assign pop_o = state_q != StateKeys || ends_folds;

  logic keys_next;  // after a head's keys, or after its values
  assign keys_next = keyed_q != cache_i.heads;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q      <= StateIdle;
      filled_q     <= '0;
      entry_q      <= '0;
      collecting_q <= '0;
    end else begin
      unique case (state_q)
        StateIdle:    if (start_i) state_q <= StateRecords;
        StateRecords: if (takes_i) state_q <= StateKeys;
        StateKeys: begin
          if (keys_done_o) begin
            if (keyed_q == cache_i.heads - 1'b1
                || keyed_q - started_q == HeadsW'(kv_pkg::HeadsAhead)) state_q <= StateStart;
            else state_q <= StateRecords;
          end else if (takes_key && ends_folds && row_q[1:0] == 2'd3) begin
            state_q <= StateRecords;
          end
        end
        StateStart:   if (values_start_o) state_q <= StateValues;
        StateValues:  if (take_o) state_q <= StateUnload;
        StateUnload: begin
          if (ends_head && last_head) state_q <= StateCollect;
          else if (ends_head) state_q <= keys_next ? StateRecords : StateStart;
          else if (ends_unload) state_q <= StateValues;
        end
        default:      if (done_o) state_q <= StateIdle;
      endcase
      filled_q     <= filled_q + (EntryW + 1)'(filled_i) - (EntryW + 1)'(freed_o);
      entry_q      <= entry_q + EntryW'(freed_o);
      collecting_q <= collecting_q + 2'(take_o) - 2'(collected_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StateIdle) begin
      keyed_q   <= '0;
      offered_q <= '0;
      loaded_q  <= '0;
      leveled_q <= '0;
      started_q <= '0;
      row_q     <= '0;
      set_o     <= '0;
      chunk_q   <= '0;
      fold_q    <= '0;
      first_query_q <= '0;
    end else begin
      keyed_q   <= keyed_q + HeadsW'(keys_done_o);
      offered_q <= offered_q + HeadsW'(head_valid_o && head_ready_i);
      loaded_q  <= loaded_q + HeadsW'(loaded_i);
      leveled_q <= leveled_q + HeadsW'(leveled_i);
      started_q <= started_q + HeadsW'(values_start_o);
      if (takes_key || ends_unload) begin
        fold_q        <= ends_folds ? '0 : fold_q + 1'b1;
        first_query_q <= ends_folds ? '0 : first_query_q + QueryW'(Queries);
      end
      if (takes_key && ends_folds) row_q <= ends_rows ? '0 : row_q + 1'b1;
      if (takes_value) chunk_q <= ends_chunks ? '0 : chunk_q + 1'b1;
      if (ends_unload && ends_folds) set_o <= ends_sets ? '0 : set_o + 1'b1;
    end
    if (takes_key) wait_q <= n_scores - 1'b1;
    else if (wait_q != '0) wait_q <= wait_q - 1'b1;
    unload_q <= is_unload ? unload_q + 1'b1 : 2'd1;
  end

  // Places in the rings of attention: heads follow each other from the reset on.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      row_place_q <= '0;
      address_q   <= '0;
      row_base_q  <= '0;
      block_q     <= '0;
      factor_q    <= '0;
    end else begin
      if (takes_key && ends_folds) row_place_q <= row_place_q + 1'b1;
      if (head_valid_o && head_ready_i) begin
        address_q  <= address_q + cache_i.scores;
        row_base_q <= row_base_q + cache_i.rows;
        block_q    <= block_q + cache_i.blocks;
        factor_q   <= factor_q + cache_i.factors;
      end
    end
  end

`ifdef FORMAL
  // A beat uses the oldest place that is filled (level_feed): all others are right if none is too
  // many, and none is used before it is there.
  logic begun_q = 1'b0;
  logic [EntryW-1:0] place_q;  // that is filled next
  always_ff @(posedge clk_i) begin
    begun_q <= 1'b1;
    if (!rst_ni) place_q <= '0;
    else place_q <= place_q + EntryW'(filled_i);
  end
  always_comb begin
    if (!begun_q) assume (!rst_ni);
    if (begun_q) begin
      assume (!takes_i || may_o);
      assume (!filled_i || filled_q < (EntryW + 1)'(2 ** EntryW));
      assert (filled_q <= (EntryW + 1)'(2 ** EntryW));
      assert (EntryW'(entry_q + filled_q[EntryW-1:0]) == place_q);
      if (freed_o) assert (filled_q != '0 && beat_o.entry == {1'b1, entry_q});
      if (rewind_o) assert (!freed_o && !mark_o);
    end
  end
`endif

  logic unused;
  assign unused = ^{cache_i, first_query_q};
endmodule
