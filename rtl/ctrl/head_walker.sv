// The head unit's part of store-kv and attend: which heads it takes from the banks, in which order,
// and where they go.
//
//     store-kv  keys or values of all tokens: a run of the store for each token, head after head;
//               values may start while keys are under way, and follow them
//     attend    queries of each KV head, for the banks of operands in turn: for each fold of them
//               those that meet the sinks (far), then those of the window
//
// Query i of a KV head is of token i mod n_tokens and of its query head i / n_tokens.
module head_walker #(
  parameter int unsigned Lanes       = 4,
  parameter int unsigned Slots       = 4,
  parameter int unsigned HeadQueries = 4,
  parameter int unsigned Words       = 5120,
  localparam int unsigned Queries  = Slots / 2,
  localparam int unsigned AddrW    = $clog2(Words),
  localparam int unsigned TokensW  = ctrl_pkg::TokensW,
  localparam int unsigned HeadsW   = ctrl_pkg::HeadsW,
  localparam int unsigned UnitW    = ctrl_pkg::UnitW,
  localparam int unsigned QueryW   = kv_pkg::QueryW,
  localparam int unsigned SlotW    = kv_pkg::SlotW,
  localparam int unsigned SlotIndexW = $clog2(Slots)
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      start_i,
  input  logic                      is_attend_i,
  input  logic                      is_value_i,    // of a store
  output logic                      stored_o,      // the oldest store is complete
  output logic                      attended_o,
  input  logic [TokensW-1:0]        n_tokens_i,
  input  ctrl_pkg::shape_t          shape_i,
  input  ctrl_pkg::cache_t          cache_i,
  input  logic [SlotW*Slots-1:0]    slots_i,       // [token]
  input  logic                      four_banks_i,  // of queries
  // Heads for the head unit.
  output logic                      job_valid_o,
  input  logic                      job_ready_i,
  output head_pkg::job_t            job_o,
  output logic [AddrW-1:0]          job_raddr_o,
  input  logic                      keys_done_i,   // a head's queries are not needed any more
  // Of each query: its token, and which of the query heads that share a KV head.
  output logic [HeadQueries*SlotIndexW-1:0] query_tokens_o,
  output logic [HeadQueries*QueryW-1:0]     query_heads_o,
  // Runs of the store.
  output logic                      store_start_o,
  output logic                      store_is_value_o,
  output logic [SlotW-1:0]          store_slot_o,
  input  logic                      store_ready_i,
  input  logic                      written_i,     // nothing is on its way to memory
  // Attention is complete.
  input  logic                      attended_i
);
  localparam int unsigned LaneShift = $clog2(Lanes);
  localparam int unsigned IndexW = HeadsW + QueryW;  // of a query head
  localparam int unsigned TileW  = IndexW + 4;
  localparam logic [QueryW-1:0] InFold = QueryW'(Queries - 1);

  typedef enum logic [1:0] {
    StateIdle,     // or it stores
    StateAttend,
    StateAttended
  } state_e;
  state_e     state_q;
  logic       is_attend, starts_attend, takes, jobs_left_q, stored;
  logic [1:0] starts_store, jobs_due, jobs_due_q, runs_due, runs_due_q;  // keys, values
  logic [1:0] stores_q;  // that are not complete
  assign is_attend     = state_q == StateAttend;
  assign starts_attend = start_i && is_attend_i;
  assign starts_store  = {start_i && !is_attend_i && is_value_i,
                          start_i && !is_attend_i && !is_value_i};
  assign jobs_due   = jobs_due_q | starts_store;
  assign runs_due   = runs_due_q | starts_store;
  assign takes      = job_valid_o && job_ready_i;
  assign attended_o = state_q == StateAttended;

  // Jobs: where they are.
  logic                is_value_q, is_far_q;
  logic [HeadsW-1:0]   head_q, released_q;
  logic [IndexW-1:0]   first_head_q;           // query head of this KV head
  logic [TokensW-1:0]  token_q, fold_token_q;  // of now, of the fold's first query
  logic [QueryW-1:0]   query_q, fold_query_q, shared_q, fold_shared_q;
  logic ends_tokens, ends_heads, ends_fold, ends_queries, ends_store, begins_store;
  assign ends_tokens  = token_q == n_tokens_i - 1'b1;
  assign ends_heads   = head_q == cache_i.heads - 1'b1;
  assign ends_queries = query_q == QueryW'(cache_i.queries - 1'b1);
  assign ends_fold    = ends_queries || (query_q & InFold) == InFold;
  assign ends_store   = ends_heads && ends_tokens;
  assign begins_store = !jobs_left_q && jobs_due != '0;
  assign job_valid_o  = jobs_left_q && (!is_attend || head_q != released_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) jobs_left_q <= 1'b0;
    else if (begins_store || starts_attend) jobs_left_q <= 1'b1;
    else if (takes && (is_attend ? ends_heads && ends_queries && !is_far_q : ends_store)) begin
      jobs_left_q <= 1'b0;
    end
    if (!rst_ni) jobs_due_q <= '0;
    else if (begins_store) jobs_due_q <= jobs_due[0] ? jobs_due & 2'b10 : 2'b00;
    else jobs_due_q <= jobs_due;
    if (begins_store || starts_attend) begin
      is_value_q    <= !jobs_due[0];
      is_far_q      <= 1'b1;
      head_q        <= '0;
      released_q    <= four_banks_i ? HeadsW'(4) : HeadsW'(2);
      first_head_q  <= '0;
      token_q       <= '0;
      query_q       <= '0;
      shared_q      <= '0;
      fold_token_q  <= '0;
      fold_query_q  <= '0;
      fold_shared_q <= '0;
    end else begin
      if (keys_done_i) released_q <= released_q + 1'b1;
      if (takes && !is_attend) begin
        head_q <= ends_heads ? '0 : head_q + 1'b1;
        if (ends_heads) token_q <= ends_tokens ? '0 : token_q + 1'b1;
      end else if (takes) begin
        query_q <= query_q + 1'b1;
        token_q <= ends_tokens ? '0 : token_q + 1'b1;
        if (ends_tokens) shared_q <= shared_q + 1'b1;
        if (ends_fold && is_far_q) begin
          // The same queries once more.
          is_far_q <= 1'b0;
          query_q  <= fold_query_q;
          token_q  <= fold_token_q;
          shared_q <= fold_shared_q;
        end else if (ends_queries) begin
          is_far_q      <= 1'b1;
          query_q       <= '0;
          token_q       <= '0;
          shared_q      <= '0;
          fold_query_q  <= '0;
          fold_token_q  <= '0;
          fold_shared_q <= '0;
          head_q        <= head_q + 1'b1;
          first_head_q  <= first_head_q + IndexW'(cache_i.ratio);
        end else if (ends_fold) begin
          is_far_q      <= 1'b1;
          fold_query_q  <= query_q + 1'b1;
          fold_token_q  <= ends_tokens ? '0 : token_q + 1'b1;
          fold_shared_q <= shared_q + QueryW'(ends_tokens);
        end
      end
    end
  end

  // Where a head lies: tile by tile in lanes and units.
  logic [IndexW-1:0] index;
  logic [TileW-1:0]  tile;
  logic [UnitW-1:0]  base;
  logic [ctrl_pkg::PlaceW-1:0] place;
  logic [UnitW+SlotIndexW+2:0] raddr;
  assign index = is_attend ? first_head_q + IndexW'(shared_q) : IndexW'(head_q);
  assign tile  = cache_i.split ? TileW'({index, 3'd0}) : {index, 4'd0};
  always_comb begin
    place = accllm_pkg::VectorQuery;
    if (!is_attend) place = is_value_q ? accllm_pkg::VectorValue : accllm_pkg::VectorKey;
  end
  assign base  = ctrl_pkg::base_at(shape_i.bases, place);
  assign raddr = {base + UnitW'(tile >> LaneShift), token_q[SlotIndexW-1:0], 3'd0};
  assign job_raddr_o = raddr[AddrW-1:0];
  always_comb begin
    job_o.kind = head_pkg::KindQuery;
    if (!is_attend) job_o.kind = is_value_q ? head_pkg::KindValue : head_pkg::KindKey;
    job_o.is_far    = is_attend && is_far_q;
    job_o.token     = 4'(token_q);
    job_o.query     = query_q;
    job_o.ends_fold = ends_fold;
    job_o.bank      = head_q[kv_pkg::BankW-1:0];
    job_o.lane      = 5'(tile[LaneShift-1:0]);
  end
  for (genvar q = 0; q < HeadQueries; q++) begin : gen_query
    always_ff @(posedge clk_i) begin
      if (takes && is_attend && query_q == QueryW'(q)) begin
        query_tokens_o[SlotIndexW*q +: SlotIndexW] <= token_q[SlotIndexW-1:0];
        query_heads_o[QueryW*q +: QueryW]          <= shared_q;
      end
    end
  end

  // Runs of the store, which may lag behind.
  logic [TokensW-1:0] run_token_q;
  logic               runs_left_q, begins_runs, ends_runs;
  assign begins_runs   = !runs_left_q && runs_due != '0;
  assign store_start_o = runs_left_q && store_ready_i;
  assign ends_runs     = store_start_o && run_token_q == n_tokens_i - 1'b1;
  assign stored        = stores_q != '0 && !runs_left_q && runs_due_q == '0 && store_ready_i
                         && written_i;
  always_comb begin
    store_slot_o = '0;
    for (int unsigned t = 0; t < Slots; t++) begin
      if (run_token_q == TokensW'(t)) store_slot_o = slots_i[SlotW*t +: SlotW];
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      runs_left_q <= 1'b0;
      runs_due_q  <= '0;
      stores_q    <= '0;
      stored_o    <= 1'b0;
    end else begin
      if (begins_runs) runs_left_q <= 1'b1;
      else if (ends_runs) runs_left_q <= 1'b0;
      if (begins_runs) runs_due_q <= runs_due[0] ? runs_due & 2'b10 : 2'b00;
      else runs_due_q <= runs_due;
      stores_q <= stores_q + 2'(starts_store != '0) - 2'(stored);
      stored_o <= stored;
    end
    if (begins_runs) begin
      run_token_q      <= '0;
      store_is_value_o <= !runs_due[0];
    end else if (store_start_o) begin
      run_token_q <= run_token_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StateIdle;
    end else begin
      unique case (state_q)
        StateIdle:   if (starts_attend) state_q <= StateAttend;
        StateAttend: if (attended_i) state_q <= StateAttended;
        default:     state_q <= StateIdle;
      endcase
    end
  end

  logic unused;
  assign unused = ^{shape_i, cache_i, tile, raddr};
endmodule
